# The texts of the pages in French.
# Read by a native speaker: no

## Every page
skip = Aller au contenu
signed-in-as = Vous êtes connecté en tant que { $name }.
your-account = Votre compte
sign-in = Se connecter
sign-out = Se déconnecter
continue = Continuer
cancel = Annuler
save = Enregistrer
status = État
problem-heading = Il y a un problème
error-title = Erreur :

## Sign in, register, sign out
goes-on-to = Vous continuez vers
you-are-at = Vous êtes sur
support-id = Si vous avez besoin d’aide, indiquez
where-this-leads = Où cela mène
new-here = Vous êtes nouveau ici ?
create-account = Créer un compte
have-account = Vous avez un compte ?
username = Nom d’utilisateur ou adresse e-mail vérifiée
new-username = Nom d’utilisateur
password = Mot de passe
password-hint = { $count ->
    [one] Au moins { $count } caractère.
   *[other] Au moins { $count } caractères.
} Trois ou quatre mots sans rapport entre eux conviennent bien.
email = Adresse e-mail
email-hint = Facultatif. Vous ne pourrez pas vous connecter avec elle avant qu’elle soit vérifiée.
remember = Rester connecté sur cet appareil
trouble = Des difficultés à vous connecter ?
sign-in-for-more = Connectez-vous pour en voir plus.
already-signed-in-title = Vous êtes déjà connecté
other-account = Utiliser un autre compte
sign-out-question = Se déconnecter sur cet appareil ?
stay-signed-in = Rester connecté
on-the-way = Redirection en cours
reuse-title = Avant de continuer
reuse-text = Un jeton d’actualisation déjà utilisé de { $device } a été présenté à nouveau. Une copie a peut-être été volée ; cette connexion a donc été terminée :
reuse-advice = Si vous n’avez pas restauré une sauvegarde de cet appareil, vérifiez vos appareils et changez votre mot de passe.
check-devices = Vérifier les appareils
change-password = Changer le mot de passe

## Why a session ended, on the sign-in page
ended-logout = Vous vous êtes déconnecté.
ended-by-user = Cette connexion a été terminée depuis un autre appareil.
ended-by-admin = Un administrateur a terminé cette connexion.
ended-reuse = Un jeton d’actualisation déjà utilisé de cette connexion a été présenté à nouveau. Une copie a peut-être été volée ; elle a donc été terminée.
ended-replaced = Une connexion plus récente dans ce navigateur a remplacé celle-ci.
ended-limit = Vous aviez trop de connexions, et celle-ci était la plus ancienne.
ended-password = Votre mot de passe a été changé, ce qui a terminé cette connexion.
ended-disabled = Ce compte a été fermé.
ended-user-changed = L’application a modifié votre compte ; connectez-vous à nouveau.
ended-roles = Vos droits ont changé ; connectez-vous à nouveau.
ended-key = Une clé de ce service a été retirée ; connectez-vous à nouveau.
ended-restored = Le service a été restauré depuis une sauvegarde ; connectez-vous à nouveau.
ended-idle = Cette connexion est restée trop longtemps inutilisée.
ended-absolute = Cette connexion a atteint sa durée maximale.
ended-revoked = Le service a terminé cette connexion.

## What is wrong with a form
wrong-login = Le nom ou le mot de passe est incorrect.
too-many-tries = Trop de tentatives. Votre compte va bien.
too-many-requests = Trop de demandes.
retry-seconds = { $count ->
    [one] Réessayez dans { $count } seconde, à { $time }.
   *[other] Réessayez dans { $count } secondes, à { $time }.
}
retry-minutes = { $count ->
    [one] Réessayez dans { $count } minute, à { $time }.
   *[other] Réessayez dans { $count } minutes, à { $time }.
}
retry-hours = { $count ->
    [one] Réessayez dans { $count } heure, à { $time }.
   *[other] Réessayez dans { $count } heures, à { $time }.
}
cannot-check = Les mots de passe ne peuvent pas être vérifiés en ce moment. Le vôtre n’est pas en cause. Réessayez dans quelques secondes.
clock-paused = La connexion est suspendue pendant la vérification de l’horloge de ce serveur.
unavailable = Le service ne peut pas répondre en ce moment. Rien n’a été modifié. Réessayez dans quelques secondes.
still-signed-in = Vous êtes toujours connecté. Réessayez dans quelques secondes.
enter-username = Saisissez votre nom d’utilisateur.
enter-password = Saisissez votre mot de passe.
enter-current-password = Saisissez votre mot de passe actuel.
enter-new-password = Saisissez un nouveau mot de passe.
wrong-current-password = Le mot de passe actuel est incorrect.
username-taken = Une autre personne a ce nom d’utilisateur ou un nom qui lui ressemble. Choisissez-en un autre ou connectez-vous.
client-refused = L’application d’où vous venez ne peut pas vous connecter ici.
field-invalid = Cette valeur n’est pas acceptée.

username-length = Utilisez de 1 à { $count } caractères.
username-space = N’utilisez pas d’espace aux extrémités, et un seul espace ordinaire entre les mots.
username-invisible = N’utilisez ni caractères invisibles, ni caractères qui changent le sens du texte.
username-at = N’utilisez pas @ : un nom d’utilisateur n’est pas une adresse e-mail.
username-character = N’utilisez pas { $character } : utilisez des lettres et des chiffres de toute écriture, la ponctuation ASCII et des espaces.
username-context = N’utilisez pas { $character } ici : ce caractère n’est valable que dans les mots de l’écriture qui en a besoin.
username-marks = Utilisez peu d’accents sur une même lettre et aucun au début d’un mot.
username-direction = Utilisez un seul sens d’écriture : un nom de droite à gauche n’a pas de lettres de gauche à droite, commence par une lettre et finit par une lettre ou un chiffre.
username-scripts = Utilisez les lettres d’une seule écriture. Ce service n’accepte peut-être pas toutes les écritures.

email-invalid = Saisissez une adresse e-mail comme name@example.org, ou laissez le champ vide.

password-too-short = { $count ->
    [one] Utilisez au moins { $count } caractère.
   *[other] Utilisez au moins { $count } caractères.
}
password-too-long = { $count ->
    [one] Utilisez au plus { $count } caractère.
   *[other] Utilisez au plus { $count } caractères.
}
password-personal = Utilisez des mots sans rapport avec votre nom, votre adresse ou ce service.
password-common = C’est l’un des mots de passe les plus courants. Choisissez-en un autre.
password-breached = Ce mot de passe est connu d’une fuite ; les attaquants l’essaient en premier. Choisissez-en un autre et changez-le partout où vous l’utilisez.
password-unchanged = C’est le mot de passe provisoire, que d’autres peuvent connaître. Choisissez-en un autre.
password-weak-pattern = Ce mot de passe est trop facile à deviner : il est court ou suit un modèle. Trois ou quatre mots sans rapport sont préférables.
password-weak-keyboard = Ce mot de passe est trop facile à deviner : il suit les touches du clavier. Trois ou quatre mots sans rapport sont préférables.
password-weak-repeat = Ce mot de passe est trop facile à deviner : il se répète. Trois ou quatre mots sans rapport sont préférables.
password-weak-similar = Ce mot de passe est trop facile à deviner : il ressemble à un mot de passe courant. Trois ou quatre mots sans rapport sont préférables.
password-weak-sequence = Ce mot de passe est trop facile à deviner : c’est une suite comme abc ou 6543. Trois ou quatre mots sans rapport sont préférables.
password-weak-date = Ce mot de passe est trop facile à deviner : il repose sur une date. Trois ou quatre mots sans rapport sont préférables.
password-weak-word = Ce mot de passe est trop facile à deviner : ce n’est guère plus qu’un mot. Trois ou quatre mots sans rapport sont préférables.
password-weak-name = Ce mot de passe est trop facile à deviner : il repose sur un nom. Trois ou quatre mots sans rapport sont préférables.
password-refused = Ce mot de passe n’est pas accepté. Choisissez-en un autre.

label-invalid = Utilisez au plus { $count } caractères, sans saut de ligne.

## Pages of errors
not-found-title = Cette page n’existe pas
not-found-text = L’adresse est peut-être mal écrite, ou ce qu’elle montrait n’existe plus.
cross-site-title = Rien n’a été fait
cross-site-text = Ce formulaire a été envoyé depuis une autre page. Recommencez ici.
ambiguous-title = Deux connexions à la fois
ambiguous-text = Votre navigateur a présenté deux connexions à la fois. Celles qui n’étaient pas valables ont été effacées.
registration-closed-title = L’inscription est fermée
registration-closed-text = Seul un administrateur crée des comptes ici. Demandez aux responsables de ce service.
users-elsewhere-title = Les comptes sont gérés ailleurs
users-elsewhere-text = L’application gère elle-même ses comptes. Utilisez ses pages.
forbidden-title = Ce n’est pas autorisé
forbidden-text = Votre connexion ne permet pas de faire cela.
too-many-title = Trop de demandes
unavailable-title = Indisponible en ce moment
other-title = Cela n’a pas fonctionné
other-text = La demande n’a pas été acceptée, et rien n’a été modifié.
internal-title = Une erreur du serveur
internal-text = Ce n’est pas votre faute. Donnez le numéro de cette page aux responsables de ce service.
start-again = Recommencer
back-to-account = Vers votre compte

## What has just happened
notice-signed-out = Vous êtes déconnecté.
notice-ended-all = Toutes vos connexions sont terminées. Connectez-vous à nouveau.
notice-ended-one = L’appareil est déconnecté, et ce service n’accepte plus rien de lui dès maintenant.
notice-ended-others = { $count ->
    [0] Aucune autre connexion n’était active.
    [one] { $count } autre connexion a été terminée.
   *[other] { $count } autres connexions ont été terminées.
}
notice-password-changed = Votre mot de passe est changé. Cet appareil reste connecté ; tous les autres ont été déconnectés.
notice-renamed = Le nom est enregistré.
notice-administered = C’est fait. Le changement est en vigueur.

## The account
tab-sessions = Connexions
tab-password = Mot de passe
tab-activity = Activité
sessions-title = Où vous êtes connecté
sessions-lead = Terminer une connexion prend effet ici aussitôt, quoi que porte cet appareil. D’autres services qui vérifient eux-mêmes les connexions peuvent demander quelques minutes.
your-devices = Vos appareils
more-devices = Plus d’appareils
all-devices = Tous les appareils
this-device = Cet appareil
end = Terminer
end-others = Terminer toutes les autres
end-all = Tout terminer…
end-all-question = Terminer toutes les connexions ?
end-all-text = Tous les appareils sont déconnectés, celui-ci aussi. Vous vous connecterez ensuite à nouveau.
end-all-button = Tout terminer
signed-in-at = connecté
seen-at = dernière utilisation
ends-at = Se termine
ends-unused = Sans utilisation, se termine
ends-latest = Au plus tard
carries-session = Porte un jeton de session aléatoire, vérifié ici à chaque demande.
carries-jwt = Porte un JWT. Rien ne le renouvelle.
carries-hybrid = Porte un JWT de courte durée et un jeton d’actualisation, rotation { $rotation }.
mode-session = Session
mode-jwt = JWT
mode-hybrid = Hybride
three-kinds = Trois sortes, une liste
kind-session = Un jeton aléatoire. Chaque demande est comparée à notre enregistrement.
kind-jwt = Un jeton signé. Toute personne ayant notre clé publique peut le vérifier.
kind-hybrid = Un jeton signé de courte durée, et un autre échangé contre la paire suivante.
what-it-carries = Ce qu’il porte
what-we-keep = Ce que nous gardons
kept-session = L’empreinte du jeton de session. Elle ne permet pas de calculer le jeton.
kept-jwt = Aucun secret. Le jeton est vérifié par sa signature.
kept-hybrid = Le numéro du jeton d’actualisation actuel. Le jeton est recalculé, jamais gardé.
device-browser = { $browser } sur { $system }
device-program = Un programme
rename = Nom de cet appareil
device-name = Nom
device-name-hint = Au plus 64 caractères. Vous seul le voyez. Laissez le champ vide pour le nom du navigateur.
change-password-lead = Tous vos autres appareils sont déconnectés.
temporary-password = Vous vous êtes connecté avec un mot de passe provisoire. Choisissez-en un nouveau.
current-password = Mot de passe actuel
new-password = Nouveau mot de passe
password-elsewhere = L’application garde votre mot de passe. Changez-le là-bas.

## Activity
activity-title = Activité
activity-lead = Ce qui est arrivé à votre compte, et pourquoi un appareil a été déconnecté.
activity-of-all = Activité de tous les appareils
what-happened = Ce qui s’est passé
all-activity = Toute l’activité
no-activity = Rien n’est enregistré.
older = Plus anciens
unknown-place = une adresse inconnue
event-registered = Votre compte a été créé.
event-login = Vous vous êtes connecté : { $device }, depuis { $place }.
event-login-failed = Une tentative avec un mot de passe incorrect, depuis { $place }.
event-logout = Vous vous êtes déconnecté : { $device }.
event-ended-by-user = Vous avez terminé la connexion d’un appareil.
event-ended-by-admin = Un administrateur a terminé une connexion.
event-ended-reuse = Une connexion a été terminée parce que son jeton d’actualisation déjà utilisé a été présenté à nouveau.
event-ended-replaced = Vous vous êtes connecté à nouveau dans le même navigateur, ce qui a terminé la connexion précédente.
event-ended-limit = Vous aviez trop de connexions ; la plus ancienne a été terminée.
event-ended-password = Le changement de votre mot de passe a terminé une connexion.
event-ended-disabled = Votre compte a été fermé.
event-ended-user-changed = L’application a modifié votre compte, ce qui a terminé une connexion.
event-ended-roles = Vos droits ont changé ; ce qui ne porte qu’un JWT doit se connecter à nouveau.
event-ended-key = Une clé de ce service a été retirée.
event-ended-restored = Le service a été restauré depuis une sauvegarde ; tout le monde se connecte à nouveau.
event-expired-idle = Une connexion est restée trop longtemps inutilisée et s’est terminée.
event-expired-absolute = Une connexion a atteint sa durée maximale et s’est terminée.
event-reuse = Un jeton d’actualisation déjà utilisé a été présenté à nouveau, depuis { $place }. Une copie a peut-être été volée ; cette connexion a donc été terminée. Vérifiez vos appareils et changez votre mot de passe.
event-refresh-retried = La dernière actualisation d’un appareil a été répétée, comme après une réponse perdue.
event-token-exchanged = Un jeton pour un autre service a été émis : { $device }.
event-password-changed = Votre mot de passe a été changé : { $device }, depuis { $place }.
event-password-failed = Une tentative de changer le mot de passe a échoué, depuis { $place }.
event-roles-changed = Vos rôles ont été modifiés.
event-disabled = Votre compte a été fermé.
event-enabled = Votre compte a été rouvert.
event-user-changed = Un administrateur a modifié votre compte.
event-revoked = Le service a terminé des connexions.
event-other = Autre chose a été enregistré pour votre compte.
