# The texts of the pages in Arabic.
# Read by a native speaker: no

## Every page
skip = انتقل إلى المحتوى
signed-in-as = سجّلت الدخول باسم { $name }.
your-account = حسابك
sign-in = تسجيل الدخول
sign-out = تسجيل الخروج
continue = متابعة
cancel = إلغاء
save = حفظ
status = الحالة
problem-heading = توجد مشكلة
error-title = خطأ:

## Sign in, register, sign out
goes-on-to = تتابع إلى
you-are-at = أنت في
support-id = إن احتجت مساعدة فاذكر
where-this-leads = إلى أين
new-here = أول مرة هنا؟
create-account = أنشئ حسابًا
have-account = لديك حساب؟
username = اسم المستخدم أو البريد الإلكتروني المؤكَّد
new-username = اسم المستخدم
password = كلمة المرور
password-hint = { $count ->
    [zero] { $count } حرف على الأقل.
    [one] حرف واحد على الأقل ({ $count }).
    [two] حرفان على الأقل ({ $count }).
    [few] { $count } أحرف على الأقل.
    [many] { $count } حرفًا على الأقل.
   *[other] { $count } حرف على الأقل.
} ثلاث أو أربع كلمات لا رابط بينها اختيار جيد.
email = البريد الإلكتروني
email-hint = اختياري. لا يمكنك تسجيل الدخول به قبل تأكيده.
remember = ابقَ مسجّل الدخول على هذا الجهاز
trouble = مشكلة في تسجيل الدخول؟
sign-in-for-more = سجّل الدخول لترى المزيد.
already-signed-in-title = أنت مسجّل الدخول بالفعل
other-account = استخدم حسابًا آخر
sign-out-question = هل تريد تسجيل الخروج من هذا الجهاز؟
stay-signed-in = ابقَ مسجّل الدخول
on-the-way = جارٍ نقلك
reuse-title = قبل أن تتابع
reuse-text = قُدِّم مرة أخرى رمز تجديد مستعمل من { $device }. ربما سُرقت نسخة منه، لذلك أُنهي ذلك الدخول:
reuse-advice = إن لم تستعد نسخة احتياطية على ذلك الجهاز فراجع أجهزتك وغيّر كلمة المرور.
check-devices = راجع أجهزتك
change-password = تغيير كلمة المرور

## Why a session ended, on the sign-in page
ended-logout = سجّلت الخروج.
ended-by-user = أُنهي هذا الدخول من جهاز آخر.
ended-by-admin = أنهى مسؤول هذا الدخول.
ended-reuse = قُدِّم مرة أخرى رمز تجديد مستعمل من هذا الدخول. ربما سُرقت نسخة منه، لذلك أُنهي.
ended-replaced = حلّ دخول أحدث في هذا المتصفح محل هذا الدخول.
ended-limit = كان لديك عدد كبير من مرات الدخول، وهذا أقدمها.
ended-password = غُيّرت كلمة المرور، فأُنهي هذا الدخول.
ended-disabled = أُغلق هذا الحساب.
ended-user-changed = غيّر التطبيق حسابك؛ سجّل الدخول من جديد.
ended-roles = تغيّرت صلاحياتك؛ سجّل الدخول من جديد.
ended-key = سُحب مفتاح من مفاتيح هذه الخدمة؛ سجّل الدخول من جديد.
ended-restored = استُعيدت الخدمة من نسخة احتياطية؛ سجّل الدخول من جديد.
ended-idle = لم يُستخدم هذا الدخول مدة طويلة.
ended-absolute = بلغ هذا الدخول أطول مدة له.
ended-revoked = أنهت الخدمة هذا الدخول.

## What is wrong with a form
wrong-login = الاسم أو كلمة المرور غير صحيحة.
too-many-tries = محاولات كثيرة. لا مشكلة في حسابك.
too-many-requests = طلبات كثيرة.
retry-seconds = { $count ->
    [zero] حاول بعد { $count } ثانية، في { $time }.
    [one] حاول بعد ثانية واحدة ({ $count })، في { $time }.
    [two] حاول بعد ثانيتين ({ $count })، في { $time }.
    [few] حاول بعد { $count } ثوانٍ، في { $time }.
    [many] حاول بعد { $count } ثانية، في { $time }.
   *[other] حاول بعد { $count } ثانية، في { $time }.
}
retry-minutes = { $count ->
    [zero] حاول بعد { $count } دقيقة، في { $time }.
    [one] حاول بعد دقيقة واحدة ({ $count })، في { $time }.
    [two] حاول بعد دقيقتين ({ $count })، في { $time }.
    [few] حاول بعد { $count } دقائق، في { $time }.
    [many] حاول بعد { $count } دقيقة، في { $time }.
   *[other] حاول بعد { $count } دقيقة، في { $time }.
}
retry-hours = { $count ->
    [zero] حاول بعد { $count } ساعة، في { $time }.
    [one] حاول بعد ساعة واحدة ({ $count })، في { $time }.
    [two] حاول بعد ساعتين ({ $count })، في { $time }.
    [few] حاول بعد { $count } ساعات، في { $time }.
    [many] حاول بعد { $count } ساعة، في { $time }.
   *[other] حاول بعد { $count } ساعة، في { $time }.
}
cannot-check = لا يمكن التحقق من كلمات المرور الآن. كلمتك ليست السبب. حاول بعد بضع ثوانٍ.
clock-paused = تسجيل الدخول متوقف مؤقتًا ريثما تُفحص ساعة هذا الخادم.
unavailable = لا تستطيع الخدمة الرد الآن. لم يتغيّر شيء. حاول بعد بضع ثوانٍ.
still-signed-in = ما زلت مسجّل الدخول. حاول بعد بضع ثوانٍ.
enter-username = أدخل اسم المستخدم.
enter-password = أدخل كلمة المرور.
enter-current-password = أدخل كلمة المرور الحالية.
enter-new-password = أدخل كلمة مرور جديدة.
wrong-current-password = كلمة المرور الحالية غير صحيحة.
username-taken = اسم المستخدم هذا أو اسم يشبهه مستعمل. اختر اسمًا آخر أو سجّل الدخول.
client-refused = لا يجوز للتطبيق الذي أتيت منه تسجيل دخولك هنا.
field-invalid = هذه القيمة غير مقبولة.

username-length = استخدم من 1 إلى { $count } حرفًا.
username-space = لا تضع مسافة في الطرفين، وضع مسافة عادية واحدة بين الكلمات.
username-invisible = لا تستخدم حروفًا غير مرئية ولا حروفًا تغيّر اتجاه النص.
username-at = لا تستخدم @: اسم المستخدم ليس بريدًا إلكترونيًا.
username-character = لا تستخدم { $character }: استخدم حروف أي كتابة وأرقامها وعلامات ASCII والمسافات.
username-context = لا تستخدم { $character } هنا: لا يصح إلا داخل كلمات الكتابة التي تحتاجه.
username-marks = لا تضع علامات كثيرة على حرف واحد، ولا علامة في أول الكلمة.
username-direction = استخدم اتجاه كتابة واحدًا: الاسم من اليمين إلى اليسار لا حروف فيه من اليسار إلى اليمين، ويبدأ بحرف، وينتهي بحرف أو رقم.
username-scripts = استخدم حروف كتابة واحدة. قد لا تقبل هذه الخدمة كل الكتابات.

email-invalid = أدخل بريدًا مثل name@example.org أو اترك الحقل فارغًا.

password-too-short = { $count ->
    [zero] استخدم { $count } حرف على الأقل.
    [one] استخدم حرفًا واحدًا على الأقل ({ $count }).
    [two] استخدم حرفين على الأقل ({ $count }).
    [few] استخدم { $count } أحرف على الأقل.
    [many] استخدم { $count } حرفًا على الأقل.
   *[other] استخدم { $count } حرف على الأقل.
}
password-too-long = { $count ->
    [zero] استخدم { $count } حرف على الأكثر.
    [one] استخدم حرفًا واحدًا على الأكثر ({ $count }).
    [two] استخدم حرفين على الأكثر ({ $count }).
    [few] استخدم { $count } أحرف على الأكثر.
    [many] استخدم { $count } حرفًا على الأكثر.
   *[other] استخدم { $count } حرف على الأكثر.
}
password-personal = استخدم كلمات لا علاقة لها باسمك أو عنوانك أو بهذه الخدمة.
password-common = هذه من أكثر كلمات المرور شيوعًا. اختر غيرها.
password-breached = كلمة المرور هذه معروفة من تسريب، ويجرّبها المهاجمون أولًا. اختر غيرها، وغيّرها حيثما تستخدمها.
password-unchanged = هذه كلمة المرور المؤقتة، وقد يعرفها آخرون. اختر غيرها.
password-weak-pattern = كلمة المرور هذه سهلة التخمين: قصيرة أو تتبع نمطًا. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-keyboard = كلمة المرور هذه سهلة التخمين: تتبع مفاتيح لوحة المفاتيح. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-repeat = كلمة المرور هذه سهلة التخمين: تكرّر نفسها. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-similar = كلمة المرور هذه سهلة التخمين: تشبه كلمة شائعة. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-sequence = كلمة المرور هذه سهلة التخمين: تسلسل مثل abc أو 6543. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-date = كلمة المرور هذه سهلة التخمين: مبنية على تاريخ. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-word = كلمة المرور هذه سهلة التخمين: لا تزيد كثيرًا على كلمة واحدة. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-weak-name = كلمة المرور هذه سهلة التخمين: مبنية على اسم. ثلاث أو أربع كلمات لا رابط بينها أفضل.
password-refused = كلمة المرور هذه غير مقبولة. اختر غيرها.

label-invalid = استخدم { $count } حرفًا على الأكثر، بلا أسطر جديدة.

## Pages of errors
not-found-title = هذه الصفحة غير موجودة
not-found-text = ربما كُتب العنوان خطأً، أو لم يعد ما كان يعرضه موجودًا.
cross-site-title = لم يحدث شيء
cross-site-text = أُرسل هذا النموذج من صفحة أخرى. ابدأ من جديد هنا.
ambiguous-title = دخولان في وقت واحد
ambiguous-text = قدّم متصفحك دخولين في وقت واحد. مُسح ما لم يكن صالحًا منهما.
registration-closed-title = التسجيل مغلق
registration-closed-text = لا ينشئ الحسابات هنا إلا مسؤول. اسأل القائمين على هذه الخدمة.
users-elsewhere-title = تُدار الحسابات في مكان آخر
users-elsewhere-text = يدير التطبيق حساباته بنفسه. استخدم صفحاته.
forbidden-title = هذا غير مسموح
forbidden-text = ما سجّلت به الدخول لا يسمح بهذا.
too-many-title = طلبات كثيرة
unavailable-title = غير متاح الآن
other-title = لم ينجح ذلك
other-text = لم يُقبل الطلب ولم يتغيّر شيء.
internal-title = خطأ في الخادم
internal-text = ليس ذلك خطأك. أعطِ القائمين على هذه الخدمة الرقم الظاهر في هذه الصفحة.
start-again = ابدأ من جديد
back-to-account = إلى حسابك

## What has just happened
notice-signed-out = سجّلت الخروج.
notice-ended-all = أُنهيت كل مرات دخولك. سجّل الدخول من جديد.
notice-ended-one = سُجّل خروج الجهاز، ولا تقبل هذه الخدمة منه شيئًا من الآن.
notice-ended-others = { $count ->
    [0] لم يكن هناك دخول آخر نشط.
    [zero] لم يكن هناك دخول آخر نشط.
    [one] أُنهي دخول آخر واحد ({ $count }).
    [two] أُنهي دخولان آخران ({ $count }).
    [few] أُنهيت { $count } مرات دخول أخرى.
    [many] أُنهي { $count } دخولًا آخر.
   *[other] أُنهي { $count } دخول آخر.
}
notice-password-changed = غُيّرت كلمة المرور. يبقى هذا الجهاز مسجّل الدخول، وسُجّل خروج سائر الأجهزة.
notice-renamed = حُفظ الاسم.
notice-administered = تم. التغيير ساري المفعول.

## The account
tab-sessions = مرات الدخول
tab-password = كلمة المرور
tab-activity = النشاط
sessions-title = أين سجّلت الدخول
sessions-lead = إنهاء دخول يسري هنا فورًا، مهما كان ما يحمله ذلك الجهاز. وقد تحتاج الخدمات الأخرى التي تتحقق من الدخول بنفسها إلى بضع دقائق.
your-devices = أجهزتك
more-devices = مزيد من الأجهزة
all-devices = كل الأجهزة
this-device = هذا الجهاز
end = إنهاء
end-others = إنهاء سائرها
end-all = إنهاء الكل…
end-all-question = هل تريد إنهاء كل مرات الدخول؟
end-all-text = يُسجّل خروج كل جهاز، وهذا الجهاز أيضًا. ثم تسجّل الدخول من جديد.
end-all-button = إنهاء الكل
signed-in-at = تسجيل الدخول
seen-at = آخر استخدام
ends-at = ينتهي
ends-unused = إن لم يُستخدم ينتهي
ends-latest = على أبعد حد
carries-session = يحمل رمز جلسة عشوائيًا يُفحص هنا عند كل طلب.
carries-jwt = يحمل JWT. لا شيء يجدّده.
carries-hybrid = يحمل JWT قصير العمر ورمز تجديد، التجديد رقم { $rotation }.
mode-session = جلسة
mode-jwt = JWT
mode-hybrid = هجين
three-kinds = ثلاثة أنواع في قائمة واحدة
kind-session = رمز عشوائي. يُقارن كل طلب بسجلّنا.
kind-jwt = رمز موقَّع. يستطيع التحقق منه كل من لديه مفتاحنا العام.
kind-hybrid = رمز موقَّع قصير العمر، ورمز يُبدَّل بالزوج التالي.
what-it-carries = ما يحمله
what-we-keep = ما نحتفظ به
kept-session = تجزئة رمز الجلسة. لا يمكن حساب الرمز منها.
kept-jwt = لا سر. يُتحقق من الرمز بتوقيعه.
kept-hybrid = رقم رمز التجديد الحالي. يُحسب الرمز نفسه من جديد ولا يُحتفظ به.
device-browser = { $browser } على { $system }
device-program = برنامج
rename = اسم هذا الجهاز
device-name = الاسم
device-name-hint = 64 حرفًا على الأكثر. أنت وحدك تراه. اتركه فارغًا ليظهر اسم المتصفح.
change-password-lead = يُسجّل خروج كل أجهزتك الأخرى.
temporary-password = سجّلت الدخول بكلمة مرور مؤقتة. اختر كلمة مرور جديدة.
current-password = كلمة المرور الحالية
new-password = كلمة المرور الجديدة
password-elsewhere = يحتفظ التطبيق بكلمة مرورك. غيّرها هناك.

## Activity
activity-title = النشاط
activity-lead = ما حدث لحسابك، ولماذا سُجّل خروج جهاز.
activity-of-all = نشاط كل الأجهزة
what-happened = ما حدث
all-activity = كل النشاط
no-activity = لا شيء مسجَّل.
older = الأقدم
unknown-place = عنوان غير معروف
event-registered = أُنشئ حسابك.
event-login = سجّلت الدخول: { $device }، من { $place }.
event-login-failed = محاولة بكلمة مرور خاطئة، من { $place }.
event-logout = سجّلت الخروج: { $device }.
event-ended-by-user = أنهيت دخول جهاز.
event-ended-by-admin = أنهى مسؤول دخولًا.
event-ended-reuse = أُنهي دخول لأن رمز تجديده المستعمل قُدِّم مرة أخرى.
event-ended-replaced = سجّلت الدخول من جديد في المتصفح نفسه، فأُنهي الدخول السابق.
event-ended-limit = كان لديك عدد كبير من مرات الدخول؛ أُنهي أقدمها.
event-ended-password = أنهى تغيير كلمة المرور دخولًا.
event-ended-disabled = أُغلق حسابك.
event-ended-user-changed = غيّر التطبيق حسابك، فأُنهي دخول.
event-ended-roles = تغيّرت صلاحياتك؛ ما يحمل JWT وحده يسجّل الدخول من جديد.
event-ended-key = سُحب مفتاح من مفاتيح هذه الخدمة.
event-ended-restored = استُعيدت الخدمة من نسخة احتياطية؛ يسجّل الجميع الدخول من جديد.
event-expired-idle = لم يُستخدم دخول مدة طويلة فانتهى.
event-expired-absolute = بلغ دخول أطول مدة له فانتهى.
event-reuse = قُدِّم رمز تجديد مستعمل مرة أخرى، من { $place }. ربما سُرقت نسخة منه، لذلك أُنهي ذلك الدخول. راجع أجهزتك وغيّر كلمة المرور.
event-refresh-retried = تكرّر آخر تجديد لجهاز، كما بعد رد ضائع.
event-token-exchanged = صدر رمز لخدمة أخرى: { $device }.
event-password-changed = غُيّرت كلمة المرور: { $device }، من { $place }.
event-password-failed = فشلت محاولة لتغيير كلمة المرور، من { $place }.
event-roles-changed = غُيّرت أدوارك.
event-disabled = أُغلق حسابك.
event-enabled = فُتح حسابك من جديد.
event-user-changed = غيّر مسؤول حسابك.
event-revoked = أنهت الخدمة مرات دخول.
event-other = سُجّل شيء آخر لحسابك.
