/* Stands between a program and its disk: writes down every change to the files below one directory, with the times of
 * the system's clock that never steps, and lets the n-th write or sync fail. Loaded with LD_PRELOAD.
 *
 *   TRIAL_UNDER   the directory, absolute, without a slash at its end
 *   TRIAL_RECORD  the file to write to; none: nothing is written down
 *   TRIAL_FAIL    "sync" or "write": what fails
 *   TRIAL_FAIL_AT from 1: which of them
 *   TRIAL_FAIL_FOR  how many of them in a row; 1 unless said otherwise
 *   TRIAL_FAIL_WITH the error number; EIO unless said otherwise
 *   TRIAL_FAIL_ON   only files whose name ends so
 *
 * A record is a head, a path, and data; see record.rs. All changes go one after another, so that their order is certain.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, CUT, SYNC, CLOSE, RENAME, LINK, UNLINK };
enum { FDS = 4096 };

struct head {
    uint8_t op, failed;
    uint16_t path;
    int32_t fd;
    uint64_t begun, ended, offset;
    uint32_t data, pad;
};

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static char under[4096], fail_what[16], fail_on[64], names[FDS][64];
static char watched[FDS];
static size_t under_length;
static int record = -1, fail_with = EIO, counting;
static long fail_at, fail_for = 1, count;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_unlink)(const char *);

static void set(char *to, size_t size, const char *name)
{
    const char *value = getenv(name);
    if (value)
        strncpy(to, value, size - 1);
}

static long number(const char *name, long otherwise)
{
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

__attribute__((constructor)) static void begin(void)
{
    real_open = dlsym(RTLD_NEXT, "open");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_truncate = dlsym(RTLD_NEXT, "ftruncate");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_linkat = dlsym(RTLD_NEXT, "linkat");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    set(under, sizeof under, "TRIAL_UNDER");
    under_length = strlen(under);
    set(fail_what, sizeof fail_what, "TRIAL_FAIL");
    set(fail_on, sizeof fail_on, "TRIAL_FAIL_ON");
    fail_at = number("TRIAL_FAIL_AT", 0);
    fail_for = number("TRIAL_FAIL_FOR", 1);
    fail_with = (int)number("TRIAL_FAIL_WITH", EIO);
    counting = fail_what[0] != 0;
    const char *file = getenv("TRIAL_RECORD");
    if (file)
        record = real_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static uint64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static int is_below(const char *path)
{
    return under_length && path && strncmp(path, under, under_length) == 0
        && (path[under_length] == '/' || path[under_length] == 0);
}

static int is_watched(int fd)
{
    return fd >= 0 && fd < FDS && watched[fd];
}

static int fails(const char *what, int fd)
{
    size_t length = strlen(names[fd]), end = strlen(fail_on);
    if (!counting || strcmp(what, fail_what) != 0)
        return 0;
    if (end && (length < end || strcmp(names[fd] + length - end, fail_on) != 0))
        return 0;
    count++;
    return count >= fail_at && count < fail_at + fail_for;
}

/* Written down after the fact, with the lock held; errno stays what it was. */
static void note(int op, int failed, int fd, uint64_t begun, uint64_t offset, const char *path, const void *data,
                 size_t length)
{
    int kept = errno;
    struct head head = { (uint8_t)op, (uint8_t)failed, (uint16_t)(path ? strlen(path) : 0), fd, begun, now(), offset,
                         (uint32_t)length, 0 };
    if (record >= 0) {
        struct iovec parts[3] = { { &head, sizeof head }, { (void *)path, head.path }, { (void *)data, length } };
        if (writev(record, parts, 3) < 0)
            abort();
    }
    errno = kept;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    if (!is_below(path))
        return real_open(path, flags, mode);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < FDS) {
        const char *name = strrchr(path, '/');
        watched[fd] = 1;
        strncpy(names[fd], name ? name : path, sizeof names[fd] - 1);
        note(OPEN, 0, fd, begun, (flags & O_TRUNC) != 0, path, NULL, 0);
    }
    pthread_mutex_unlock(&one);
    return fd;
}

#define MODE(flags, mode)              \
    mode_t mode = 0;                   \
    if ((flags) & (O_CREAT)) {         \
        va_list rest;                  \
        va_start(rest, flags);         \
        mode = va_arg(rest, mode_t);   \
        va_end(rest);                  \
    }

int open(const char *path, int flags, ...) { MODE(flags, mode) return open_any(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return open_any(path, flags, mode); }

int close(int fd)
{
    if (!is_watched(fd))
        return real_close(fd);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    watched[fd] = 0;
    int done = real_close(fd);
    note(CLOSE, 0, fd, begun, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&one);
    return done;
}

static ssize_t write_at(int fd, const void *data, size_t length, off_t offset, int at_cursor)
{
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    ssize_t done = -1;
    if (fails("write", fd))
        errno = fail_with;
    else
        done = at_cursor ? real_write(fd, data, length) : real_pwrite(fd, data, length, offset);
    note(WRITE, done < 0, fd, begun, (uint64_t)offset, NULL, data, done < 0 ? 0 : (size_t)done);
    pthread_mutex_unlock(&one);
    return done;
}

ssize_t write(int fd, const void *data, size_t length)
{
    if (!is_watched(fd))
        return real_write(fd, data, length);
    return write_at(fd, data, length, lseek(fd, 0, SEEK_CUR), 1);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return is_watched(fd) ? write_at(fd, data, length, offset, 0) : real_pwrite(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }

int ftruncate(int fd, off_t length)
{
    if (!is_watched(fd))
        return real_truncate(fd, length);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int done = real_truncate(fd, length);
    note(CUT, done < 0, fd, begun, (uint64_t)length, NULL, NULL, 0);
    pthread_mutex_unlock(&one);
    return done;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int sync_by(int (*real)(int), int fd)
{
    if (!is_watched(fd))
        return real(fd);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int done = -1;
    if (fails("sync", fd))
        errno = fail_with;
    else
        done = real(fd);
    note(SYNC, done < 0, fd, begun, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&one);
    return done;
}

int fsync(int fd) { return sync_by(real_fsync, fd); }
int fdatasync(int fd) { return sync_by(real_fdatasync, fd); }

int rename(const char *from, const char *to)
{
    if (!is_below(from) && !is_below(to))
        return real_rename(from, to);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int done = real_rename(from, to);
    if (done == 0)
        note(RENAME, 0, -1, begun, 0, from, to, strlen(to));
    pthread_mutex_unlock(&one);
    return done;
}

static int link_any(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (!is_below(to))
        return real_linkat(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int done = real_linkat(from_dir, from, to_dir, to, flags);
    if (done == 0)
        note(LINK, 0, -1, begun, 0, from, to, strlen(to));
    pthread_mutex_unlock(&one);
    return done;
}

int link(const char *from, const char *to) { return link_any(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return link_any(from_dir, from, to_dir, to, flags);
}

int unlink(const char *path)
{
    if (!is_below(path))
        return real_unlink(path);
    pthread_mutex_lock(&one);
    uint64_t begun = now();
    int done = real_unlink(path);
    if (done == 0)
        note(UNLINK, 0, -1, begun, 0, path, NULL, 0);
    pthread_mutex_unlock(&one);
    return done;
}
