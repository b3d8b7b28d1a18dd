# The texts of the pages in English.
# Read by a native speaker: no

## Every page
skip = Skip to the content
signed-in-as = You are signed in as { $name }.
your-account = Your account
sign-in = Sign in
sign-out = Sign out
continue = Continue
cancel = Cancel
save = Save
status = Status
problem-heading = There is a problem
error-title = Error:

## Sign in, register, sign out
goes-on-to = You continue to
you-are-at = You are at
support-id = If you need help, say
where-this-leads = Where this leads
new-here = New here?
create-account = Create an account
have-account = You have an account?
username = Username or verified e-mail address
new-username = Username
password = Password
password-hint = { $count ->
    [one] At least { $count } character.
   *[other] At least { $count } characters.
} Three or four words that do not belong together are good.
email = E-mail address
email-hint = Optional. You cannot sign in with it until it is verified.
remember = Stay signed in on this device
trouble = Trouble signing in?
sign-in-for-more = Sign in to see more.
already-signed-in-title = You are signed in already
other-account = Use another account
sign-out-question = Sign out of this device?
stay-signed-in = Stay signed in
on-the-way = You are on your way
reuse-title = Before you continue
reuse-text = A used refresh token of { $device } was presented again. A copy of it may have been stolen, so that sign-in was ended:
reuse-advice = If you did not restore a backup of that device, check your devices and change your password.
check-devices = Check your devices
change-password = Change the password

## Why a session ended, on the sign-in page
ended-logout = You signed out.
ended-by-user = This sign-in was ended from another device.
ended-by-admin = An administrator ended this sign-in.
ended-reuse = A used refresh token of this sign-in was presented again. A copy may have been stolen, so it was ended.
ended-replaced = A newer sign-in in this browser replaced this one.
ended-limit = You had too many sign-ins, and this was the oldest.
ended-password = Your password was changed, which ended this sign-in.
ended-disabled = This account was closed.
ended-user-changed = Your account was changed by the application; sign in again.
ended-roles = What you may do has changed; sign in again.
ended-key = A key of this service was withdrawn; sign in again.
ended-restored = The service was restored from a backup; sign in again.
ended-idle = This sign-in was not used for too long.
ended-absolute = This sign-in reached its longest life.
ended-revoked = This sign-in was ended by the service.

## What is wrong with a form
wrong-login = The name or the password is wrong.
too-many-tries = Too many tries. Nothing is wrong with your account.
too-many-requests = Too many requests.
retry-seconds = { $count ->
    [one] Try again in { $count } second, at { $time }.
   *[other] Try again in { $count } seconds, at { $time }.
}
retry-minutes = { $count ->
    [one] Try again in { $count } minute, at { $time }.
   *[other] Try again in { $count } minutes, at { $time }.
}
retry-hours = { $count ->
    [one] Try again in { $count } hour, at { $time }.
   *[other] Try again in { $count } hours, at { $time }.
}
cannot-check = Passwords cannot be checked right now. Yours is not the reason. Try again in a few seconds.
clock-paused = Signing in is paused while the clock of this server is checked.
unavailable = The service cannot answer right now. Nothing was changed. Try again in a few seconds.
still-signed-in = You are still signed in. Try again in a few seconds.
enter-username = Enter your username.
enter-password = Enter your password.
enter-current-password = Enter your current password.
enter-new-password = Enter a new password.
wrong-current-password = The current password is wrong.
username-taken = Another user has this username, or one that looks like it. Choose another one, or sign in.
client-refused = The application from which you come may not sign you in here.
field-invalid = This value is not accepted.

username-length = Use 1 to { $count } characters.
username-space = Use no space at the ends, and single ordinary spaces between words.
username-invisible = Use no invisible characters, and none that change the direction of text.
username-at = Use no @: a username is not an e-mail address.
username-character = Do not use { $character }: use letters and digits of any script, ASCII punctuation, and spaces.
username-context = Do not use { $character } here: it is valid only inside words of the script that needs it.
username-marks = Use no more than a few accents on one letter, and none at the beginning of a word.
username-direction = Use one direction of writing: a right-to-left name has no left-to-right letters, begins with a letter, and ends with a letter or a digit.
username-scripts = Use letters of one script only. This service may not accept all scripts.

email-invalid = Enter an e-mail address like name@example.org, or leave the field empty.

password-too-short = { $count ->
    [one] Use at least { $count } character.
   *[other] Use at least { $count } characters.
}
password-too-long = { $count ->
    [one] Use at most { $count } character.
   *[other] Use at most { $count } characters.
}
password-personal = Use words that have nothing to do with your name, your address or this service.
password-common = This is one of the most common passwords. Choose another one.
password-breached = This password is known from a breach, so attackers try it first. Choose another one, and change it wherever else you use it.
password-unchanged = This is the temporary password, which others may know. Choose another one.
password-weak-pattern = This password is too easy to guess: it is short or follows a pattern. Three or four unrelated words are better.
password-weak-keyboard = This password is too easy to guess: it follows the keys of a keyboard. Three or four unrelated words are better.
password-weak-repeat = This password is too easy to guess: it repeats itself. Three or four unrelated words are better.
password-weak-similar = This password is too easy to guess: it is similar to a common one. Three or four unrelated words are better.
password-weak-sequence = This password is too easy to guess: it is a sequence like abc or 6543. Three or four unrelated words are better.
password-weak-date = This password is too easy to guess: it is based on a date. Three or four unrelated words are better.
password-weak-word = This password is too easy to guess: it is little more than one word. Three or four unrelated words are better.
password-weak-name = This password is too easy to guess: it is based on a name. Three or four unrelated words are better.
password-refused = This password is not accepted. Choose another one.

label-invalid = Use at most { $count } characters, without line breaks.

## Pages of errors
not-found-title = This page does not exist
not-found-text = The address may be mistyped, or what it showed has gone.
cross-site-title = Nothing was done
cross-site-text = This form was sent from another page. Begin again here.
ambiguous-title = Two sign-ins at once
ambiguous-text = Your browser showed two sign-ins at once. Those that were not valid have been cleared.
registration-closed-title = Registration is closed
registration-closed-text = Only an administrator adds accounts here. Ask the people who run this service.
users-elsewhere-title = Accounts are managed elsewhere
users-elsewhere-text = The application manages its accounts itself. Use its own pages.
forbidden-title = This is not allowed
forbidden-text = What you are signed in with may not do this.
too-many-title = Too many requests
unavailable-title = Not available right now
other-title = This did not work
other-text = The request was not accepted, and nothing was changed.
internal-title = An error of the server
internal-text = It is not your fault. Give the number beside to the people who run this service.
start-again = Start again
back-to-account = To your account

## What has just happened
notice-signed-out = You are signed out.
notice-ended-all = All your sign-ins are ended. Sign in again.
notice-ended-one = The device is signed out. This service accepts nothing of it from now on.
notice-ended-others = { $count ->
    [0] No other sign-in was active.
    [one] { $count } other sign-in was ended.
   *[other] { $count } other sign-ins were ended.
}
notice-password-changed = Your password is changed. This device stays signed in; all others were signed out.
notice-renamed = The name is saved.
notice-administered = Done. The change is in force.

## The account
tab-sessions = Signed in
tab-password = Password
tab-activity = Activity
sessions-title = Where you are signed in
sessions-lead = Ending a sign-in takes effect here at once, whatever that device carries. Other services that check sign-ins by themselves may need some minutes.
your-devices = Your devices
more-devices = More devices
all-devices = All devices
this-device = This device
end = End
end-others = End all others
end-all = End all…
end-all-question = End all sign-ins?
end-all-text = Every device is signed out, also this one. You sign in again afterwards.
end-all-button = End all
signed-in-at = signed in
seen-at = last used
ends-at = Ends
ends-unused = If unused, ends
ends-latest = At the latest
carries-session = Carries a random session token, which is checked here at each request.
carries-jwt = Carries a JWT. Nothing renews it.
carries-hybrid = Carries a short-lived JWT and a refresh token, rotation { $rotation }.
mode-session = Session
mode-jwt = JWT
mode-hybrid = Hybrid
three-kinds = Three kinds, one list
kind-session = A random token. Each request is checked against our record.
kind-jwt = A signed token. Everyone with our public key can verify it.
kind-hybrid = A short-lived signed token, and one that is exchanged for the next pair.
what-it-carries = What it carries
what-we-keep = What we keep
kept-session = The hash of the session token. Nobody can compute the token from it.
kept-jwt = No secret. The token is verified by its signature.
kept-hybrid = The number of the current refresh token. The token itself is computed again, never kept.
device-browser = { $browser } on { $system }
device-program = A program
rename = Name of this device
device-name = Name
device-name-hint = At most 64 characters. Only you see it. Leave it empty for the name of the browser.
change-password-lead = All your other devices are signed out.
temporary-password = You signed in with a temporary password. Choose a new one.
current-password = Current password
new-password = New password
password-elsewhere = The application keeps your password. Change it there.

## Activity
activity-title = Activity
activity-lead = What has happened to your account, and why a device was signed out.
activity-of-all = Activity of all devices
what-happened = What happened
all-activity = All activity
no-activity = Nothing is recorded.
older = Older
unknown-place = an unknown address
event-registered = Your account was created.
event-login = You signed in: { $device }, from { $place }.
event-login-failed = A try with a wrong password, from { $place }.
event-logout = You signed out: { $device }.
event-ended-by-user = You ended the sign-in of a device.
event-ended-by-admin = An administrator ended a sign-in.
event-ended-reuse = A sign-in was ended because its used refresh token was presented again.
event-ended-replaced = You signed in again in the same browser, which ended the former sign-in.
event-ended-limit = You had too many sign-ins; the oldest was ended.
event-ended-password = A sign-in was ended by the change of your password.
event-ended-disabled = Your account was closed.
event-ended-user-changed = The application changed your account, which ended a sign-in.
event-ended-roles = What you may do has changed; what carries only a JWT signs in again.
event-ended-key = A key of this service was withdrawn.
event-ended-restored = The service was restored from a backup; everyone signs in again.
event-expired-idle = A sign-in was not used for too long, and ended.
event-expired-absolute = A sign-in reached its longest life, and ended.
event-reuse = A used refresh token was presented again, from { $place }. A copy may have been stolen, so that sign-in was ended. Check your devices and change your password.
event-refresh-retried = The last refresh of a device was repeated, as after a lost answer.
event-token-exchanged = A token for another service was issued to { $device }.
event-password-changed = Your password was changed: { $device }, from { $place }.
event-password-failed = A try to change the password failed, from { $place }.
event-roles-changed = Your roles were changed.
event-disabled = Your account was closed.
event-enabled = Your account was opened again.
event-user-changed = Your account was changed by an administrator.
event-revoked = The service ended sign-ins.
event-other = Something else was recorded for your account.
