# The texts of the pages in Spanish.
# Read by a native speaker: no

## Every page
skip = Saltar al contenido
signed-in-as = Ha iniciado sesión como { $name }.
your-account = Su cuenta
sign-in = Iniciar sesión
sign-out = Cerrar sesión
continue = Continuar
cancel = Cancelar
save = Guardar
status = Estado
problem-heading = Hay un problema
error-title = Error:

## Sign in, register, sign out
goes-on-to = Continuará a
you-are-at = Está en
support-id = Si necesita ayuda, indique
where-this-leads = Adónde lleva esto
new-here = ¿Es nuevo aquí?
create-account = Crear una cuenta
have-account = ¿Ya tiene una cuenta?
username = Nombre de usuario o correo electrónico verificado
new-username = Nombre de usuario
password = Contraseña
password-hint = { $count ->
    [one] Al menos { $count } carácter.
   *[other] Al menos { $count } caracteres.
} Tres o cuatro palabras sin relación entre sí son una buena elección.
email = Correo electrónico
email-hint = Opcional. No podrá iniciar sesión con él hasta que esté verificado.
remember = Mantener la sesión iniciada en este dispositivo
trouble = ¿Problemas para iniciar sesión?
sign-in-for-more = Inicie sesión para ver más.
already-signed-in-title = Ya ha iniciado sesión
other-account = Usar otra cuenta
sign-out-question = ¿Cerrar la sesión en este dispositivo?
stay-signed-in = Mantener la sesión
on-the-way = Le estamos redirigiendo
reuse-title = Antes de continuar
reuse-text = Se presentó de nuevo un token de renovación ya usado de { $device }. Es posible que alguien haya robado una copia, así que se cerró esa sesión:
reuse-advice = Si no ha restaurado una copia de seguridad en ese dispositivo, revise sus dispositivos y cambie la contraseña.
check-devices = Revisar los dispositivos
change-password = Cambiar la contraseña

## Why a session ended, on the sign-in page
ended-logout = Usted cerró la sesión.
ended-by-user = Esta sesión se cerró desde otro dispositivo.
ended-by-admin = Un administrador cerró esta sesión.
ended-reuse = Se presentó de nuevo un token de renovación ya usado de esta sesión. Es posible que alguien haya robado una copia, así que se cerró.
ended-replaced = Un inicio de sesión más reciente en este navegador sustituyó a este.
ended-limit = Tenía demasiadas sesiones, y esta era la más antigua.
ended-password = Se cambió su contraseña, y eso cerró esta sesión.
ended-disabled = Esta cuenta se cerró.
ended-user-changed = La aplicación cambió su cuenta; inicie sesión de nuevo.
ended-roles = Sus permisos han cambiado; inicie sesión de nuevo.
ended-key = Se retiró una clave de este servicio; inicie sesión de nuevo.
ended-restored = El servicio se restauró desde una copia de seguridad; inicie sesión de nuevo.
ended-idle = Esta sesión estuvo demasiado tiempo sin usarse.
ended-absolute = Esta sesión alcanzó su duración máxima.
ended-revoked = El servicio cerró esta sesión.

## What is wrong with a form
wrong-login = El nombre o la contraseña no es correcto.
too-many-tries = Demasiados intentos. Su cuenta está bien.
too-many-requests = Demasiadas solicitudes.
retry-seconds = { $count ->
    [one] Inténtelo de nuevo en { $count } segundo, a las { $time }.
   *[other] Inténtelo de nuevo en { $count } segundos, a las { $time }.
}
retry-minutes = { $count ->
    [one] Inténtelo de nuevo en { $count } minuto, a las { $time }.
   *[other] Inténtelo de nuevo en { $count } minutos, a las { $time }.
}
retry-hours = { $count ->
    [one] Inténtelo de nuevo en { $count } hora, a las { $time }.
   *[other] Inténtelo de nuevo en { $count } horas, a las { $time }.
}
cannot-check = Ahora no se pueden comprobar contraseñas. La suya no es la causa. Inténtelo de nuevo en unos segundos.
clock-paused = El inicio de sesión está en pausa mientras se revisa el reloj de este servidor.
unavailable = El servicio no puede responder ahora. No se cambió nada. Inténtelo de nuevo en unos segundos.
still-signed-in = La sesión sigue iniciada. Inténtelo de nuevo en unos segundos.
enter-username = Escriba su nombre de usuario.
enter-password = Escriba su contraseña.
enter-current-password = Escriba su contraseña actual.
enter-new-password = Escriba una contraseña nueva.
wrong-current-password = La contraseña actual no es correcta.
username-taken = Otra persona tiene este nombre de usuario o uno que se le parece. Elija otro o inicie sesión.
client-refused = La aplicación de la que viene no puede iniciar su sesión aquí.
field-invalid = Este valor no se acepta.

username-length = Use de 1 a { $count } caracteres.
username-space = No use espacios al principio ni al final, y solo un espacio normal entre palabras.
username-invisible = No use caracteres invisibles ni los que cambian la dirección del texto.
username-at = No use @: un nombre de usuario no es un correo electrónico.
username-character = No use { $character }: use letras y cifras de cualquier escritura, puntuación ASCII y espacios.
username-context = No use { $character } aquí: solo es válido dentro de palabras de la escritura que lo necesita.
username-marks = Use pocos acentos en una misma letra y ninguno al principio de una palabra.
username-direction = Use una sola dirección de escritura: un nombre de derecha a izquierda no tiene letras de izquierda a derecha, empieza por una letra y termina en una letra o una cifra.
username-scripts = Use letras de una sola escritura. Es posible que este servicio no acepte todas.

email-invalid = Escriba un correo electrónico como name@example.org o deje el campo vacío.

password-too-short = { $count ->
    [one] Use al menos { $count } carácter.
   *[other] Use al menos { $count } caracteres.
}
password-too-long = { $count ->
    [one] Use como máximo { $count } carácter.
   *[other] Use como máximo { $count } caracteres.
}
password-personal = Use palabras que no tengan nada que ver con su nombre, su dirección o este servicio.
password-common = Es una de las contraseñas más comunes. Elija otra.
password-breached = Esta contraseña se conoce por una filtración, así que los atacantes la prueban primero. Elija otra y cámbiela donde más la use.
password-unchanged = Esta es la contraseña temporal, que otras personas pueden conocer. Elija otra.
password-weak-pattern = Esta contraseña es demasiado fácil de adivinar: es corta o sigue un patrón. Tres o cuatro palabras sin relación son mejores.
password-weak-keyboard = Esta contraseña es demasiado fácil de adivinar: sigue las teclas del teclado. Tres o cuatro palabras sin relación son mejores.
password-weak-repeat = Esta contraseña es demasiado fácil de adivinar: se repite. Tres o cuatro palabras sin relación son mejores.
password-weak-similar = Esta contraseña es demasiado fácil de adivinar: se parece a una común. Tres o cuatro palabras sin relación son mejores.
password-weak-sequence = Esta contraseña es demasiado fácil de adivinar: es una secuencia como abc o 6543. Tres o cuatro palabras sin relación son mejores.
password-weak-date = Esta contraseña es demasiado fácil de adivinar: se basa en una fecha. Tres o cuatro palabras sin relación son mejores.
password-weak-word = Esta contraseña es demasiado fácil de adivinar: es poco más que una palabra. Tres o cuatro palabras sin relación son mejores.
password-weak-name = Esta contraseña es demasiado fácil de adivinar: se basa en un nombre. Tres o cuatro palabras sin relación son mejores.
password-refused = Esta contraseña no se acepta. Elija otra.

label-invalid = Use como máximo { $count } caracteres, sin saltos de línea.

## Pages of errors
not-found-title = Esta página no existe
not-found-text = Puede que la dirección esté mal escrita o que lo que mostraba ya no exista.
cross-site-title = No se hizo nada
cross-site-text = Este formulario se envió desde otra página. Empiece de nuevo aquí.
ambiguous-title = Dos sesiones a la vez
ambiguous-text = Su navegador presentó dos sesiones a la vez. Las que no eran válidas se han borrado.
registration-closed-title = El registro está cerrado
registration-closed-text = Aquí solo un administrador crea cuentas. Pregunte a quienes gestionan este servicio.
users-elsewhere-title = Las cuentas se gestionan en otro lugar
users-elsewhere-text = La aplicación gestiona sus propias cuentas. Use sus páginas.
forbidden-title = Esto no está permitido
forbidden-text = La sesión con la que está no puede hacer esto.
too-many-title = Demasiadas solicitudes
unavailable-title = No disponible ahora
other-title = No ha funcionado
other-text = La solicitud no se aceptó y no se cambió nada.
internal-title = Un error del servidor
internal-text = No es culpa suya. Dé el número de esta página a quienes gestionan este servicio.
start-again = Empezar de nuevo
back-to-account = A su cuenta

## What has just happened
notice-signed-out = Ha cerrado la sesión.
notice-ended-all = Todas sus sesiones están cerradas. Inicie sesión de nuevo.
notice-ended-one = Se cerró la sesión del dispositivo, y este servicio no acepta nada de él desde ahora.
notice-ended-others = { $count ->
    [0] No había otra sesión activa.
    [one] Se cerró { $count } sesión más.
   *[other] Se cerraron { $count } sesiones más.
}
notice-password-changed = Su contraseña ha cambiado. Este dispositivo conserva la sesión; las demás se cerraron.
notice-renamed = El nombre está guardado.
notice-administered = Hecho. El cambio está en vigor.

## The account
tab-sessions = Sesiones
tab-password = Contraseña
tab-activity = Actividad
sessions-title = Dónde ha iniciado sesión
sessions-lead = Cerrar una sesión tiene efecto aquí de inmediato, lleve lo que lleve ese dispositivo. Otros servicios que comprueban las sesiones por sí mismos pueden tardar unos minutos.
your-devices = Sus dispositivos
more-devices = Más dispositivos
all-devices = Todos los dispositivos
this-device = Este dispositivo
end = Cerrar
end-others = Cerrar todas las demás
end-all = Cerrar todas…
end-all-question = ¿Cerrar todas las sesiones?
end-all-text = Se cierra la sesión en todos los dispositivos, también en este. Después tendrá que iniciarla de nuevo.
end-all-button = Cerrar todas
signed-in-at = inicio
seen-at = último uso
ends-at = Termina
ends-unused = Sin uso, termina
ends-latest = Como muy tarde
carries-session = Lleva un token de sesión aleatorio, que se comprueba aquí en cada solicitud.
carries-jwt = Lleva un JWT. Nada lo renueva.
carries-hybrid = Lleva un JWT de corta duración y un token de renovación, rotación { $rotation }.
mode-session = Sesión
mode-jwt = JWT
mode-hybrid = Híbrido
three-kinds = Tres tipos, una lista
kind-session = Un token aleatorio. Cada solicitud se compara con nuestro registro.
kind-jwt = Un token firmado. Cualquiera con nuestra clave pública puede verificarlo.
kind-hybrid = Un token firmado de corta duración y otro que se cambia por el par siguiente.
what-it-carries = Lo que lleva
what-we-keep = Lo que guardamos
kept-session = El hash del token de sesión. A partir de él no se puede calcular el token.
kept-jwt = Ningún secreto. El token se verifica por su firma.
kept-hybrid = El número del token de renovación actual. El token se vuelve a calcular; nunca se guarda.
device-browser = { $browser } en { $system }
device-program = Un programa
rename = Nombre de este dispositivo
device-name = Nombre
device-name-hint = Como máximo 64 caracteres. Solo lo ve usted. Déjelo vacío para usar el nombre del navegador.
change-password-lead = Se cierra la sesión en todos sus otros dispositivos.
temporary-password = Ha iniciado sesión con una contraseña provisional. Elija una nueva.
current-password = Contraseña actual
new-password = Contraseña nueva
password-elsewhere = La aplicación guarda su contraseña. Cámbiela allí.

## Activity
activity-title = Actividad
activity-lead = Qué ha pasado en su cuenta y por qué se cerró la sesión de un dispositivo.
activity-of-all = Actividad de todos los dispositivos
what-happened = Qué ha pasado
all-activity = Toda la actividad
no-activity = No hay nada registrado.
older = Anteriores
unknown-place = una dirección desconocida
event-registered = Se creó su cuenta.
event-login = Inició sesión: { $device }, desde { $place }.
event-login-failed = Un intento con una contraseña incorrecta, desde { $place }.
event-logout = Cerró la sesión: { $device }.
event-ended-by-user = Cerró la sesión de un dispositivo.
event-ended-by-admin = Un administrador cerró una sesión.
event-ended-reuse = Se cerró una sesión porque su token de renovación ya usado se presentó de nuevo.
event-ended-replaced = Inició sesión de nuevo en el mismo navegador, y eso cerró la anterior.
event-ended-limit = Tenía demasiadas sesiones; se cerró la más antigua.
event-ended-password = El cambio de su contraseña cerró una sesión.
event-ended-disabled = Su cuenta se cerró.
event-ended-user-changed = La aplicación cambió su cuenta, y eso cerró una sesión.
event-ended-roles = Sus permisos han cambiado; lo que solo lleva un JWT debe iniciar sesión de nuevo.
event-ended-key = Se retiró una clave de este servicio.
event-ended-restored = El servicio se restauró desde una copia de seguridad; todos inician sesión de nuevo.
event-expired-idle = Una sesión estuvo demasiado tiempo sin usarse y terminó.
event-expired-absolute = Una sesión alcanzó su duración máxima y terminó.
event-reuse = Se presentó de nuevo un token de renovación ya usado, desde { $place }. Es posible que alguien haya robado una copia, así que se cerró esa sesión. Revise sus dispositivos y cambie la contraseña.
event-refresh-retried = Se repitió la última renovación de un dispositivo, como tras una respuesta perdida.
event-token-exchanged = Se emitió un token para otro servicio: { $device }.
event-password-changed = Se cambió su contraseña: { $device }, desde { $place }.
event-password-failed = Un intento de cambiar la contraseña falló, desde { $place }.
event-roles-changed = Se cambiaron sus roles.
event-disabled = Su cuenta se cerró.
event-enabled = Su cuenta se abrió de nuevo.
event-user-changed = Un administrador cambió su cuenta.
event-revoked = El servicio cerró sesiones.
event-other = Se registró algo más sobre su cuenta.
