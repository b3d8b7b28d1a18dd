# The texts of the pages in Japanese.
# Read by a native speaker: no

## Every page
skip = 本文へ移動
signed-in-as = { $name } としてログインしています。
your-account = アカウント
sign-in = ログイン
sign-out = ログアウト
continue = 続ける
cancel = キャンセル
save = 保存
status = ステータス
problem-heading = 問題があります
error-title = エラー:

## Sign in, register, sign out
goes-on-to = 次の移動先
you-are-at = 現在のサイト
support-id = お問い合わせの際の番号
where-this-leads = 移動先
new-here = はじめての方は
create-account = アカウントを作成
have-account = アカウントをお持ちの方は
username = ユーザー名または確認済みのメールアドレス
new-username = ユーザー名
password = パスワード
password-hint = { $count ->
   *[other] { $count } 文字以上。
} 互いに関係のない単語を 3 つか 4 つ並べるのがおすすめです。
email = メールアドレス
email-hint = 任意。確認されるまで、ログインには使えません。
remember = この端末でログインしたままにする
trouble = ログインできない場合
sign-in-for-more = 詳しくはログインしてご覧ください。
already-signed-in-title = すでにログインしています
other-account = 別のアカウントを使う
sign-out-question = この端末からログアウトしますか?
stay-signed-in = ログインしたままにする
on-the-way = 移動しています
reuse-title = 続ける前に
reuse-text = { $device } の使用済みリフレッシュトークンが再び提示されました。コピーが盗まれた可能性があるため、このログインを終了しました:
reuse-advice = その端末をバックアップから復元した覚えがない場合は、端末を確認し、パスワードを変更してください。
check-devices = 端末を確認する
change-password = パスワードを変更

## Why a session ended, on the sign-in page
ended-logout = ログアウトしました。
ended-by-user = このログインは別の端末から終了されました。
ended-by-admin = 管理者がこのログインを終了しました。
ended-reuse = このログインの使用済みリフレッシュトークンが再び提示されました。コピーが盗まれた可能性があるため、終了しました。
ended-replaced = このブラウザーでの新しいログインに置き換えられました。
ended-limit = ログインの数が上限を超えたため、最も古いこのログインを終了しました。
ended-password = パスワードが変更されたため、このログインは終了しました。
ended-disabled = このアカウントは閉鎖されました。
ended-user-changed = アプリケーションがアカウントを変更しました。もう一度ログインしてください。
ended-roles = 権限が変更されました。もう一度ログインしてください。
ended-key = このサービスの鍵が無効になりました。もう一度ログインしてください。
ended-restored = サービスがバックアップから復元されました。もう一度ログインしてください。
ended-idle = このログインは長い間使われませんでした。
ended-absolute = このログインは有効期間の上限に達しました。
ended-revoked = このログインはサービスによって終了されました。

## What is wrong with a form
wrong-login = 名前またはパスワードが違います。
too-many-tries = 試行回数が多すぎます。アカウントに問題はありません。
too-many-requests = リクエストが多すぎます。
retry-seconds = { $count ->
   *[other] { $count } 秒後 ({ $time }) にもう一度お試しください。
}
retry-minutes = { $count ->
   *[other] { $count } 分後 ({ $time }) にもう一度お試しください。
}
retry-hours = { $count ->
   *[other] { $count } 時間後 ({ $time }) にもう一度お試しください。
}
cannot-check = 現在パスワードを確認できません。あなたのパスワードが原因ではありません。数秒後にもう一度お試しください。
clock-paused = サーバーの時計を確認しているため、ログインを一時停止しています。
unavailable = 現在サービスが応答できません。何も変更されていません。数秒後にもう一度お試しください。
still-signed-in = まだログインしています。数秒後にもう一度お試しください。
enter-username = ユーザー名を入力してください。
enter-password = パスワードを入力してください。
enter-current-password = 現在のパスワードを入力してください。
enter-new-password = 新しいパスワードを入力してください。
wrong-current-password = 現在のパスワードが違います。
username-taken = このユーザー名、またはよく似た名前はすでに使われています。別の名前を選ぶか、ログインしてください。
client-refused = このアプリケーションからはログインできません。
field-invalid = この値は使えません。

username-length = 1 ～ { $count } 文字にしてください。
username-space = 先頭と末尾に空白を入れず、語の間は通常の空白 1 つにしてください。
username-invisible = 見えない文字や、文字の方向を変える文字は使えません。
username-at = @ は使えません。ユーザー名はメールアドレスではありません。
username-character = { $character } は使えません。文字、数字、ASCII の記号、空白を使ってください。
username-context = { $character } はここでは使えません。その文字体系の語の中だけで使えます。
username-marks = 1 つの文字に多くの記号を重ねたり、語の先頭に記号を置いたりできません。
username-direction = 書字方向を 1 つにしてください。右から左へ書く名前は、左から右へ書く文字を含まず、文字で始まり、文字か数字で終わります。
username-scripts = 1 つの文字体系だけを使ってください。使えない文字体系もあります。

email-invalid = name@example.org のようなメールアドレスを入力するか、空欄にしてください。

password-too-short = { $count ->
   *[other] { $count } 文字以上にしてください。
}
password-too-long = { $count ->
   *[other] { $count } 文字以下にしてください。
}
password-personal = 名前、アドレス、このサービスと関係のない語を使ってください。
password-common = 最もよく使われるパスワードの 1 つです。別のものを選んでください。
password-breached = このパスワードは漏えいしたことが知られており、攻撃者が最初に試します。別のものを選び、ほかで使っている場合も変更してください。
password-unchanged = これは仮のパスワードで、ほかの人が知っている可能性があります。別のものを選んでください。
password-weak-pattern = 推測されやすいパスワードです。短いか、規則的です。関係のない単語を 3 つか 4 つ並べてください。
password-weak-keyboard = 推測されやすいパスワードです。キーボードの並びです。関係のない単語を 3 つか 4 つ並べてください。
password-weak-repeat = 推測されやすいパスワードです。同じものの繰り返しです。関係のない単語を 3 つか 4 つ並べてください。
password-weak-similar = 推測されやすいパスワードです。よく使われるものに似ています。関係のない単語を 3 つか 4 つ並べてください。
password-weak-sequence = 推測されやすいパスワードです。abc や 6543 のような並びです。関係のない単語を 3 つか 4 つ並べてください。
password-weak-date = 推測されやすいパスワードです。日付に基づいています。関係のない単語を 3 つか 4 つ並べてください。
password-weak-word = 推測されやすいパスワードです。ほぼ 1 つの単語です。関係のない単語を 3 つか 4 つ並べてください。
password-weak-name = 推測されやすいパスワードです。名前に基づいています。関係のない単語を 3 つか 4 つ並べてください。
password-refused = このパスワードは使えません。別のものを選んでください。

label-invalid = { $count } 文字以下で、改行を入れないでください。

## Pages of errors
not-found-title = このページはありません
not-found-text = アドレスが間違っているか、内容がなくなった可能性があります。
cross-site-title = 何も実行されませんでした
cross-site-text = このフォームは別のページから送信されました。ここからやり直してください。
ambiguous-title = 2 つのログインが同時に送られました
ambiguous-text = ブラウザーが 2 つのログインを同時に送りました。無効なものは削除しました。
registration-closed-title = 登録は受け付けていません
registration-closed-text = アカウントは管理者だけが作成します。サービスの運営者にお問い合わせください。
users-elsewhere-title = アカウントは別の場所で管理されています
users-elsewhere-text = アカウントはアプリケーションが管理しています。そのページをご利用ください。
forbidden-title = 許可されていません
forbidden-text = 現在のログインではこの操作はできません。
too-many-title = リクエストが多すぎます
unavailable-title = 現在利用できません
other-title = うまくいきませんでした
other-text = リクエストは受け付けられず、何も変更されていません。
internal-title = サーバーのエラー
internal-text = あなたの責任ではありません。このページの番号をサービスの運営者に伝えてください。
start-again = やり直す
back-to-account = アカウントへ

## What has just happened
notice-signed-out = ログアウトしました。
notice-ended-all = すべてのログインを終了しました。もう一度ログインしてください。
notice-ended-one = その端末をログアウトしました。このサービスは今からその端末が持つものを受け付けません。
notice-ended-others = { $count ->
    [0] ほかに有効なログインはありませんでした。
   *[other] ほかの { $count } 件のログインを終了しました。
}
notice-password-changed = パスワードを変更しました。この端末はログインしたままで、ほかはすべてログアウトしました。
notice-renamed = 名前を保存しました。
notice-administered = 完了しました。変更は有効です。

## The account
tab-sessions = ログイン中
tab-password = パスワード
tab-activity = 履歴
sessions-title = ログインしている場所
sessions-lead = 端末が何を持っていても、ログインの終了はここではすぐに有効になります。ログインを自分で確認するほかのサービスでは、数分かかることがあります。
your-devices = 端末
more-devices = さらに表示
all-devices = すべての端末
this-device = この端末
end = 終了
end-others = ほかをすべて終了
end-all = すべて終了…
end-all-question = すべてのログインを終了しますか?
end-all-text = この端末も含め、すべての端末がログアウトされます。その後もう一度ログインしてください。
end-all-button = すべて終了
signed-in-at = ログイン
seen-at = 最終使用
ends-at = 終了
ends-unused = 使わない場合の終了
ends-latest = 遅くとも
carries-session = ランダムなセッショントークンを持っています。リクエストごとにここで確認されます。
carries-jwt = JWT を持っています。更新されません。
carries-hybrid = 短時間だけ有効な JWT とリフレッシュトークンを持っています。更新 { $rotation } 回目。
mode-session = セッション
mode-jwt = JWT
mode-hybrid = ハイブリッド
three-kinds = 3 種類を 1 つの一覧に
kind-session = ランダムなトークン。リクエストごとに記録と照合します。
kind-jwt = 署名付きトークン。公開鍵があればだれでも検証できます。
kind-hybrid = 短時間だけ有効な署名付きトークンと、次の組と交換するトークン。
what-it-carries = 端末が持つもの
what-we-keep = こちらで保存するもの
kept-session = セッショントークンのハッシュ。そこからトークンは計算できません。
kept-jwt = 秘密は保存しません。トークンは署名で検証されます。
kept-hybrid = 現在のリフレッシュトークンの番号。トークン自体は計算し直し、保存しません。
device-browser = { $browser } ({ $system })
device-program = プログラム
rename = この端末の名前
device-name = 名前
device-name-hint = 64 文字以下。あなただけに表示されます。空欄にするとブラウザー名になります。
change-password-lead = ほかの端末はすべてログアウトされます。
temporary-password = 仮のパスワードでログインしています。新しいパスワードを設定してください。
current-password = 現在のパスワード
new-password = 新しいパスワード
password-elsewhere = パスワードはアプリケーションが管理しています。そちらで変更してください。

## Activity
activity-title = 履歴
activity-lead = アカウントに起きたことと、端末がログアウトされた理由。
activity-of-all = すべての端末の履歴
what-happened = 起きたこと
all-activity = すべての履歴
no-activity = 記録はありません。
older = 以前のもの
unknown-place = 不明なアドレス
event-registered = アカウントが作成されました。
event-login = ログインしました: { $device }、{ $place } から。
event-login-failed = { $place } から、間違ったパスワードでの試行がありました。
event-logout = ログアウトしました: { $device }。
event-ended-by-user = 端末のログインを終了しました。
event-ended-by-admin = 管理者がログインを終了しました。
event-ended-reuse = 使用済みリフレッシュトークンが再び提示されたため、ログインを終了しました。
event-ended-replaced = 同じブラウザーで再びログインしたため、前のログインを終了しました。
event-ended-limit = ログインの数が上限を超えたため、最も古いものを終了しました。
event-ended-password = パスワードの変更により、ログインを終了しました。
event-ended-disabled = アカウントが閉鎖されました。
event-ended-user-changed = アプリケーションがアカウントを変更したため、ログインを終了しました。
event-ended-roles = 権限が変更されました。JWT だけを持つものは、もう一度ログインが必要です。
event-ended-key = このサービスの鍵が無効になりました。
event-ended-restored = サービスがバックアップから復元されました。全員がもう一度ログインします。
event-expired-idle = 長い間使われなかったため、ログインが終了しました。
event-expired-absolute = 有効期間の上限に達したため、ログインが終了しました。
event-reuse = { $place } から、使用済みリフレッシュトークンが再び提示されました。コピーが盗まれた可能性があるため、そのログインを終了しました。端末を確認し、パスワードを変更してください。
event-refresh-retried = 応答が失われたときのように、端末の最後の更新が繰り返されました。
event-token-exchanged = 別のサービスのトークンが発行されました: { $device }。
event-password-changed = パスワードが変更されました: { $device }、{ $place } から。
event-password-failed = { $place } から、パスワードを変更しようとする試行が失敗しました。
event-roles-changed = ロールが変更されました。
event-disabled = アカウントが閉鎖されました。
event-enabled = アカウントが再開されました。
event-user-changed = 管理者がアカウントを変更しました。
event-revoked = サービスがログインを終了しました。
event-other = アカウントについて別のことが記録されました。
