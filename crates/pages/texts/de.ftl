# The texts of the pages in German.
# Read by a native speaker: no

## Every page
skip = Zum Inhalt springen
signed-in-as = Sie sind als { $name } angemeldet.
your-account = Ihr Konto
sign-in = Anmelden
sign-out = Abmelden
continue = Weiter
cancel = Abbrechen
save = Speichern
status = Status
problem-heading = Es gibt ein Problem
error-title = Fehler:

## Sign in, register, sign out
goes-on-to = Danach geht es zu
you-are-at = Sie sind bei
support-id = Wenn Sie Hilfe brauchen, nennen Sie
where-this-leads = Wohin dies führt
new-here = Neu hier?
create-account = Konto anlegen
have-account = Sie haben ein Konto?
username = Benutzername oder bestätigte E-Mail-Adresse
new-username = Benutzername
password = Passwort
password-hint = { $count ->
    [one] Mindestens { $count } Zeichen.
   *[other] Mindestens { $count } Zeichen.
} Drei oder vier Wörter, die nicht zusammengehören, sind gut.
email = E-Mail-Adresse
email-hint = Freiwillig. Anmelden können Sie sich damit erst, wenn sie bestätigt ist.
remember = Auf diesem Gerät angemeldet bleiben
trouble = Probleme bei der Anmeldung?
sign-in-for-more = Melden Sie sich an, um mehr zu sehen.
already-signed-in-title = Sie sind bereits angemeldet
other-account = Anderes Konto verwenden
sign-out-question = Auf diesem Gerät abmelden?
stay-signed-in = Angemeldet bleiben
on-the-way = Sie werden weitergeleitet
reuse-title = Bevor es weitergeht
reuse-text = Ein bereits benutztes Refresh-Token von { $device } wurde noch einmal vorgelegt. Vielleicht wurde eine Kopie gestohlen; darum wurde diese Anmeldung beendet:
reuse-advice = Wenn Sie auf diesem Gerät keine Sicherung zurückgespielt haben, prüfen Sie Ihre Geräte und ändern Sie Ihr Passwort.
check-devices = Geräte prüfen
change-password = Passwort ändern

## Why a session ended, on the sign-in page
ended-logout = Sie haben sich abgemeldet.
ended-by-user = Diese Anmeldung wurde von einem anderen Gerät aus beendet.
ended-by-admin = Ein Administrator hat diese Anmeldung beendet.
ended-reuse = Ein bereits benutztes Refresh-Token dieser Anmeldung wurde noch einmal vorgelegt. Vielleicht wurde eine Kopie gestohlen; darum wurde sie beendet.
ended-replaced = Eine neuere Anmeldung in diesem Browser hat diese ersetzt.
ended-limit = Sie hatten zu viele Anmeldungen, und diese war die älteste.
ended-password = Ihr Passwort wurde geändert; das hat diese Anmeldung beendet.
ended-disabled = Dieses Konto wurde geschlossen.
ended-user-changed = Ihr Konto wurde von der Anwendung geändert; melden Sie sich neu an.
ended-roles = Ihre Rechte haben sich geändert; melden Sie sich neu an.
ended-key = Ein Schlüssel dieses Dienstes wurde zurückgezogen; melden Sie sich neu an.
ended-restored = Der Dienst wurde aus einer Sicherung wiederhergestellt; melden Sie sich neu an.
ended-idle = Diese Anmeldung wurde zu lange nicht benutzt.
ended-absolute = Diese Anmeldung hat ihre längste Dauer erreicht.
ended-revoked = Diese Anmeldung wurde vom Dienst beendet.

## What is wrong with a form
wrong-login = Der Name oder das Passwort ist falsch.
too-many-tries = Zu viele Versuche. Mit Ihrem Konto ist alles in Ordnung.
too-many-requests = Zu viele Anfragen.
retry-seconds = { $count ->
    [one] Versuchen Sie es in { $count } Sekunde wieder, um { $time }.
   *[other] Versuchen Sie es in { $count } Sekunden wieder, um { $time }.
}
retry-minutes = { $count ->
    [one] Versuchen Sie es in { $count } Minute wieder, um { $time }.
   *[other] Versuchen Sie es in { $count } Minuten wieder, um { $time }.
}
retry-hours = { $count ->
    [one] Versuchen Sie es in { $count } Stunde wieder, um { $time }.
   *[other] Versuchen Sie es in { $count } Stunden wieder, um { $time }.
}
cannot-check = Passwörter können gerade nicht geprüft werden. An Ihrem liegt es nicht. Versuchen Sie es in einigen Sekunden wieder.
clock-paused = Die Anmeldung ruht, solange die Uhr dieses Servers geprüft wird.
unavailable = Der Dienst kann gerade nicht antworten. Es wurde nichts geändert. Versuchen Sie es in einigen Sekunden wieder.
still-signed-in = Sie sind noch angemeldet. Versuchen Sie es in einigen Sekunden wieder.
enter-username = Geben Sie Ihren Benutzernamen ein.
enter-password = Geben Sie Ihr Passwort ein.
enter-current-password = Geben Sie Ihr jetziges Passwort ein.
enter-new-password = Geben Sie ein neues Passwort ein.
wrong-current-password = Das jetzige Passwort ist falsch.
username-taken = Jemand hat diesen Benutzernamen oder einen, der so aussieht. Wählen Sie einen anderen, oder melden Sie sich an.
client-refused = Die Anwendung, aus der Sie kommen, darf Sie hier nicht anmelden.
field-invalid = Dieser Wert wird nicht angenommen.

username-length = Verwenden Sie 1 bis { $count } Zeichen.
username-space = Verwenden Sie keine Leerzeichen am Rand und nur einzelne, gewöhnliche Leerzeichen zwischen Wörtern.
username-invisible = Verwenden Sie keine unsichtbaren Zeichen und keine, die die Schreibrichtung ändern.
username-at = Verwenden Sie kein @: Ein Benutzername ist keine E-Mail-Adresse.
username-character = Verwenden Sie { $character } nicht: Erlaubt sind Buchstaben und Ziffern jeder Schrift, ASCII-Satzzeichen und Leerzeichen.
username-context = Verwenden Sie { $character } hier nicht: Es ist nur in Wörtern der Schrift erlaubt, die es braucht.
username-marks = Verwenden Sie nur wenige Akzente an einem Buchstaben und keinen am Wortanfang.
username-direction = Verwenden Sie eine einzige Schreibrichtung: Ein Name von rechts nach links hat keine Buchstaben von links nach rechts, beginnt mit einem Buchstaben und endet mit einem Buchstaben oder einer Ziffer.
username-scripts = Verwenden Sie Buchstaben nur einer Schrift. Vielleicht nimmt dieser Dienst nicht alle Schriften an.

email-invalid = Geben Sie eine E-Mail-Adresse wie name@example.org ein, oder lassen Sie das Feld leer.

password-too-short = { $count ->
    [one] Verwenden Sie mindestens { $count } Zeichen.
   *[other] Verwenden Sie mindestens { $count } Zeichen.
}
password-too-long = { $count ->
    [one] Verwenden Sie höchstens { $count } Zeichen.
   *[other] Verwenden Sie höchstens { $count } Zeichen.
}
password-personal = Verwenden Sie Wörter, die nichts mit Ihrem Namen, Ihrer Adresse oder diesem Dienst zu tun haben.
password-common = Dies ist eines der häufigsten Passwörter. Wählen Sie ein anderes.
password-breached = Dieses Passwort ist aus einem Datendiebstahl bekannt; Angreifer versuchen es zuerst. Wählen Sie ein anderes, und ändern Sie es überall, wo Sie es sonst verwenden.
password-unchanged = Das ist das vorläufige Passwort, das andere kennen können. Wählen Sie ein anderes.
password-weak-pattern = Dieses Passwort ist zu leicht zu erraten: Es ist kurz oder folgt einem Muster. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-keyboard = Dieses Passwort ist zu leicht zu erraten: Es folgt den Tasten der Tastatur. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-repeat = Dieses Passwort ist zu leicht zu erraten: Es wiederholt sich. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-similar = Dieses Passwort ist zu leicht zu erraten: Es ähnelt einem häufigen. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-sequence = Dieses Passwort ist zu leicht zu erraten: Es ist eine Folge wie abc oder 6543. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-date = Dieses Passwort ist zu leicht zu erraten: Es beruht auf einem Datum. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-word = Dieses Passwort ist zu leicht zu erraten: Es ist kaum mehr als ein Wort. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-weak-name = Dieses Passwort ist zu leicht zu erraten: Es beruht auf einem Namen. Drei oder vier Wörter ohne Zusammenhang sind besser.
password-refused = Dieses Passwort wird nicht angenommen. Wählen Sie ein anderes.

label-invalid = Verwenden Sie höchstens { $count } Zeichen, ohne Zeilenumbrüche.

## Pages of errors
not-found-title = Diese Seite gibt es nicht
not-found-text = Vielleicht ist die Adresse falsch geschrieben, oder es gibt nicht mehr, was sie zeigte.
cross-site-title = Es wurde nichts getan
cross-site-text = Dieses Formular kam von einer anderen Seite. Beginnen Sie hier neu.
ambiguous-title = Zwei Anmeldungen zugleich
ambiguous-text = Ihr Browser hat zwei Anmeldungen zugleich vorgelegt. Die ungültigen wurden gelöscht.
registration-closed-title = Die Registrierung ist geschlossen
registration-closed-text = Nur ein Administrator legt hier Konten an. Fragen Sie die Betreiber dieses Dienstes.
users-elsewhere-title = Konten werden anderswo verwaltet
users-elsewhere-text = Die Anwendung verwaltet ihre Konten selbst. Benutzen Sie ihre Seiten.
forbidden-title = Das ist nicht erlaubt
forbidden-text = Womit Sie angemeldet sind, reicht hierfür nicht aus.
too-many-title = Zu viele Anfragen
unavailable-title = Gerade nicht verfügbar
other-title = Das hat nicht geklappt
other-text = Die Anfrage wurde nicht angenommen, und es wurde nichts geändert.
internal-title = Ein Fehler des Servers
internal-text = An Ihnen liegt es nicht. Nennen Sie den Betreibern die Nummer auf dieser Seite.
start-again = Neu beginnen
back-to-account = Zu Ihrem Konto

## What has just happened
notice-signed-out = Sie sind abgemeldet.
notice-ended-all = Alle Ihre Anmeldungen sind beendet. Melden Sie sich neu an.
notice-ended-one = Das Gerät ist abgemeldet, und dieser Dienst nimmt ab jetzt nichts mehr von ihm an.
notice-ended-others = { $count ->
    [0] Keine andere Anmeldung war aktiv.
    [one] { $count } andere Anmeldung wurde beendet.
   *[other] { $count } andere Anmeldungen wurden beendet.
}
notice-password-changed = Ihr Passwort ist geändert. Dieses Gerät bleibt angemeldet, alle anderen wurden abgemeldet.
notice-renamed = Der Name ist gespeichert.
notice-administered = Erledigt. Die Änderung gilt.

## The account
tab-sessions = Angemeldet
tab-password = Passwort
tab-activity = Aktivität
sessions-title = Wo Sie angemeldet sind
sessions-lead = Eine Anmeldung zu beenden wirkt hier sofort, was auch immer das Gerät mitführt. Andere Dienste, die Anmeldungen selbst prüfen, können einige Minuten brauchen.
your-devices = Ihre Geräte
more-devices = Weitere Geräte
all-devices = Alle Geräte
this-device = Dieses Gerät
end = Beenden
end-others = Alle anderen beenden
end-all = Alle beenden…
end-all-question = Alle Anmeldungen beenden?
end-all-text = Jedes Gerät wird abgemeldet, auch dieses. Danach melden Sie sich neu an.
end-all-button = Alle beenden
signed-in-at = angemeldet
seen-at = zuletzt benutzt
ends-at = Endet
ends-unused = Ohne Benutzung endet sie
ends-latest = Spätestens
carries-session = Führt ein zufälliges Sitzungstoken mit, das hier bei jeder Anfrage geprüft wird.
carries-jwt = Führt ein JWT mit. Nichts erneuert es.
carries-hybrid = Führt ein kurzlebiges JWT und ein Refresh-Token mit, Erneuerung { $rotation }.
mode-session = Session
mode-jwt = JWT
mode-hybrid = Hybrid
three-kinds = Drei Arten, eine Liste
kind-session = Ein zufälliges Token. Jede Anfrage wird mit unserem Eintrag verglichen.
kind-jwt = Ein signiertes Token. Wer unseren öffentlichen Schlüssel hat, kann es prüfen.
kind-hybrid = Ein kurzlebiges signiertes Token und eines, das gegen das nächste Paar getauscht wird.
what-it-carries = Was es mitführt
what-we-keep = Was wir aufbewahren
kept-session = Den Hash des Sitzungstokens. Daraus kann niemand das Token berechnen.
kept-jwt = Kein Geheimnis. Das Token wird anhand seiner Signatur geprüft.
kept-hybrid = Die Nummer des jetzigen Refresh-Tokens. Das Token selbst wird neu berechnet, nie aufbewahrt.
device-browser = { $browser } auf { $system }
device-program = Ein Programm
rename = Name dieses Geräts
device-name = Name
device-name-hint = Höchstens 64 Zeichen. Nur Sie sehen ihn. Bleibt das Feld leer, gilt der Name des Browsers.
change-password-lead = Alle Ihre anderen Geräte werden abgemeldet.
temporary-password = Sie haben sich mit einem vorläufigen Passwort angemeldet. Bitte wählen Sie ein neues.
current-password = Jetziges Passwort
new-password = Neues Passwort
password-elsewhere = Die Anwendung verwaltet Ihr Passwort. Ändern Sie es dort.

## Activity
activity-title = Aktivität
activity-lead = Was mit Ihrem Konto geschehen ist, und warum ein Gerät abgemeldet wurde.
activity-of-all = Aktivität aller Geräte
what-happened = Was geschehen ist
all-activity = Alle Ereignisse
no-activity = Es ist nichts verzeichnet.
older = Ältere
unknown-place = einer unbekannten Adresse
event-registered = Ihr Konto wurde angelegt.
event-login = Sie haben sich angemeldet: { $device }, von { $place }.
event-login-failed = Ein Versuch mit falschem Passwort, von { $place }.
event-logout = Sie haben sich abgemeldet: { $device }.
event-ended-by-user = Sie haben die Anmeldung eines Geräts beendet.
event-ended-by-admin = Ein Administrator hat eine Anmeldung beendet.
event-ended-reuse = Eine Anmeldung wurde beendet, weil ihr benutztes Refresh-Token noch einmal vorgelegt wurde.
event-ended-replaced = Sie haben sich im selben Browser neu angemeldet; das hat die frühere Anmeldung beendet.
event-ended-limit = Sie hatten zu viele Anmeldungen; die älteste wurde beendet.
event-ended-password = Eine Anmeldung wurde durch die Änderung Ihres Passworts beendet.
event-ended-disabled = Ihr Konto wurde geschlossen.
event-ended-user-changed = Die Anwendung hat Ihr Konto geändert; das hat eine Anmeldung beendet.
event-ended-roles = Ihre Rechte haben sich geändert; was nur ein JWT mitführt, muss sich neu anmelden.
event-ended-key = Ein Schlüssel dieses Dienstes wurde zurückgezogen.
event-ended-restored = Der Dienst wurde aus einer Sicherung wiederhergestellt; alle melden sich neu an.
event-expired-idle = Eine Anmeldung wurde zu lange nicht benutzt und endete.
event-expired-absolute = Eine Anmeldung erreichte ihre längste Dauer und endete.
event-reuse = Ein benutztes Refresh-Token wurde noch einmal vorgelegt, von { $place }. Vielleicht wurde eine Kopie gestohlen; darum wurde diese Anmeldung beendet. Prüfen Sie Ihre Geräte und ändern Sie Ihr Passwort.
event-refresh-retried = Die letzte Erneuerung eines Geräts wurde wiederholt, wie nach einer verlorenen Antwort.
event-token-exchanged = Ein Token für einen anderen Dienst wurde ausgestellt: { $device }.
event-password-changed = Ihr Passwort wurde geändert: { $device }, von { $place }.
event-password-failed = Ein Versuch, das Passwort zu ändern, ist gescheitert, von { $place }.
event-roles-changed = Ihre Rollen wurden geändert.
event-disabled = Ihr Konto wurde geschlossen.
event-enabled = Ihr Konto wurde wieder geöffnet.
event-user-changed = Ihr Konto wurde von einem Administrator geändert.
event-revoked = Der Dienst hat Anmeldungen beendet.
event-other = Etwas anderes wurde für Ihr Konto verzeichnet.
