/* I/O shim, loaded with LD_PRELOAD: traces every change to the files below one directory, with times of CLOCK_MONOTONIC,
 * and lets chosen write or sync calls fail.
 *
 *   FAULT_DIR          the directory: an absolute path without a trailing slash
 *   FAULT_TRACE_FILE   the trace file; no trace if unset
 *   FAULT_CALL         the kind of call that fails: "sync" or "write"; none fails if unset
 *   FAULT_FIRST        the number of the first failing call, from 1
 *   FAULT_COUNT        how many consecutive calls fail; default 1
 *   FAULT_ERRNO        the error number; default EIO
 *   FAULT_FILE_SUFFIX  only files whose name ends with this; default all files
 *
 * A record is a header, a path and data; trace.rs reads it. One lock serializes all traced calls, so that their order in
 * the trace is the order of their effects.
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

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, CLOSE, RENAME, LINK, UNLINK };
enum { MAX_FDS = 4096 };

struct record_header {
    uint8_t operation, failed;
    uint16_t path_length;
    int32_t fd;
    uint64_t started_at, ended_at, offset;
    uint32_t data_length, padding;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root_dir[4096], fail_call[16], fail_suffix[64], file_names[MAX_FDS][64];
static char traced[MAX_FDS];
static size_t root_dir_length;
static int trace_fd = -1, fail_errno = EIO, failures_enabled;
static long fail_first, fail_count = 1, calls_seen;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_unlink)(const char *);

static void env_string(char *buffer, size_t size, const char *name)
{
    const char *value = getenv(name);
    if (value)
        strncpy(buffer, value, size - 1);
}

static long env_number(const char *name, long default_value)
{
    const char *value = getenv(name);
    return value ? atol(value) : default_value;
}

__attribute__((constructor)) static void initialize(void)
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
    env_string(root_dir, sizeof root_dir, "FAULT_DIR");
    root_dir_length = strlen(root_dir);
    env_string(fail_call, sizeof fail_call, "FAULT_CALL");
    env_string(fail_suffix, sizeof fail_suffix, "FAULT_FILE_SUFFIX");
    fail_first = env_number("FAULT_FIRST", 0);
    fail_count = env_number("FAULT_COUNT", 1);
    fail_errno = (int)env_number("FAULT_ERRNO", EIO);
    failures_enabled = fail_call[0] != 0;
    const char *file = getenv("FAULT_TRACE_FILE");
    if (file)
        trace_fd = real_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static uint64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static int is_in_root_dir(const char *path)
{
    return root_dir_length && path && strncmp(path, root_dir, root_dir_length) == 0
        && (path[root_dir_length] == '/' || path[root_dir_length] == 0);
}

static int is_traced(int fd)
{
    return fd >= 0 && fd < MAX_FDS && traced[fd];
}

/* Counts this call and says whether it fails; called with the lock held. */
static int must_fail(const char *call, int fd)
{
    size_t length = strlen(file_names[fd]), suffix_length = strlen(fail_suffix);
    if (!failures_enabled || strcmp(call, fail_call) != 0)
        return 0;
    if (suffix_length && (length < suffix_length || strcmp(file_names[fd] + length - suffix_length, fail_suffix) != 0))
        return 0;
    calls_seen++;
    return calls_seen >= fail_first && calls_seen < fail_first + fail_count;
}

/* Appends a record to the trace after the call has returned, with the lock held. Keeps errno. */
static void write_record(int operation, int failed, int fd, uint64_t started_at, uint64_t offset, const char *path,
                         const void *data, size_t length)
{
    int saved_errno = errno;
    size_t path_length = path ? strlen(path) : 0;
    struct record_header header = { (uint8_t)operation, (uint8_t)failed, (uint16_t)path_length, fd, started_at, now(),
                                    offset, (uint32_t)length, 0 };
    if (trace_fd >= 0) {
        struct iovec parts[3] = { { &header, sizeof header }, { (void *)path, path_length }, { (void *)data, length } };
        if (writev(trace_fd, parts, 3) < 0)
            abort();
    }
    errno = saved_errno;
}

static int traced_open(const char *path, int flags, mode_t mode)
{
    if (!is_in_root_dir(path))
        return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < MAX_FDS) {
        const char *name = strrchr(path, '/');
        traced[fd] = 1;
        strncpy(file_names[fd], name ? name : path, sizeof file_names[fd] - 1);
        write_record(OPEN, 0, fd, started_at, (flags & O_TRUNC) != 0, path, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
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

int open(const char *path, int flags, ...) { MODE(flags, mode) return traced_open(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return traced_open(path, flags, mode); }

int close(int fd)
{
    if (!is_traced(fd))
        return real_close(fd);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    traced[fd] = 0;
    int result = real_close(fd);
    write_record(CLOSE, 0, fd, started_at, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Writes at the file position if `at_cursor`, else at `offset`; the trace has `offset` in both cases. */
static ssize_t traced_write(int fd, const void *data, size_t length, off_t offset, int at_cursor)
{
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    ssize_t result = -1;
    if (must_fail("write", fd))
        errno = fail_errno;
    else
        result = at_cursor ? real_write(fd, data, length) : real_pwrite(fd, data, length, offset);
    write_record(WRITE, result < 0, fd, started_at, (uint64_t)offset, NULL, data, result < 0 ? 0 : (size_t)result);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t length)
{
    if (!is_traced(fd))
        return real_write(fd, data, length);
    return traced_write(fd, data, length, lseek(fd, 0, SEEK_CUR), 1);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return is_traced(fd) ? traced_write(fd, data, length, offset, 0) : real_pwrite(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }

int ftruncate(int fd, off_t length)
{
    if (!is_traced(fd))
        return real_truncate(fd, length);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int result = real_truncate(fd, length);
    write_record(TRUNCATE, result < 0, fd, started_at, (uint64_t)length, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int traced_sync(int (*real)(int), int fd)
{
    if (!is_traced(fd))
        return real(fd);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int result = -1;
    if (must_fail("sync", fd))
        errno = fail_errno;
    else
        result = real(fd);
    write_record(SYNC, result < 0, fd, started_at, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return traced_sync(real_fsync, fd); }
int fdatasync(int fd) { return traced_sync(real_fdatasync, fd); }

int rename(const char *from, const char *to)
{
    if (!is_in_root_dir(from) && !is_in_root_dir(to))
        return real_rename(from, to);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int result = real_rename(from, to);
    if (result == 0)
        write_record(RENAME, 0, -1, started_at, 0, from, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

static int traced_link(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags)
{
    if (!is_in_root_dir(to))
        return real_linkat(from_dirfd, from, to_dirfd, to, flags);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int result = real_linkat(from_dirfd, from, to_dirfd, to, flags);
    if (result == 0)
        write_record(LINK, 0, -1, started_at, 0, from, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

int link(const char *from, const char *to) { return traced_link(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags)
{
    return traced_link(from_dirfd, from, to_dirfd, to, flags);
}

int unlink(const char *path)
{
    if (!is_in_root_dir(path))
        return real_unlink(path);
    pthread_mutex_lock(&lock);
    uint64_t started_at = now();
    int result = real_unlink(path);
    if (result == 0)
        write_record(UNLINK, 0, -1, started_at, 0, path, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
