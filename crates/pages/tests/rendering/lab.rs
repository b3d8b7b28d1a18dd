//! Views of the lab to render: empty, usual, longest, and with hostile text.

use counterfoil_pages::sample::HOSTILE;
use counterfoil_pages::view::Mode;
use counterfoil_pages::view::lab::{
    ActButton, Advice, AdviceView, AnswerView, AskedPlace, ChangedAdvice, Choice, ChoiceGroup, ChooseView,
    ClockButton, CostRow, FailedMeasurementView, FigureRow, GuideRow, JwtParts, KeyErrors, LabProblemView,
    LabRow, LabView, LabsView, LifePlot, LifeRow, MeasuredNumbers, MeasuredRow, MeasurementOutcome,
    MeasurementProgress, MeasurementRow, MeasurementsView, OtherAnswer, Piece, PlayedAct, QuantileRow,
    QuestionRow, QuestionsView, RangeAxis, RangePlot, RangeRow, ReportAnswer, ReportView,
    RunningMeasurementView, ShownRequest, SignatureView, StepLink, StoredFact, TakenApart, Ticket,
    TokenMember, TokenView, TraceLine, Verdict,
};
use counterfoil_pages::{Frame, Language, Message, Moment, Renderer, ThemeFrame, View};

const NOON: u64 = 1_764_000_000;

const MODES: [Mode; 3] = [Mode::Session, Mode::Jwt, Mode::Hybrid];

/// As long as the longest access token.
fn long_token() -> String {
    format!("eyJ{}", "hbGciOiJFUzI1NiIs".repeat(50))
}

fn plot() -> Option<LifePlot> {
    let row = |mode, after_ms, is_advanced| LifeRow {
        mode,
        label: "Hybrid · signature and exp only".into(),
        after_ms,
        is_accepted: is_advanced,
        is_advanced,
    };
    LifePlot::new(&[
        row(Mode::Session, 0.3, false),
        row(Mode::Jwt, 3_000.0, false),
        row(Mode::Hybrid, 3_661_000.0, true),
        row(Mode::Jwt, 40.0 * 86_400_000.0, true),
    ])
}

fn lines(text: &str) -> Vec<TraceLine> {
    let line = |number, mode| TraceLine {
        number,
        at: "1234567.8 ms".into(),
        mode,
        text: text.into(),
        is_current: number == 2,
    };
    vec![line(1, Some(Mode::Session)), line(2, Some(Mode::Jwt)), line(3, Some(Mode::Hybrid)), line(4, None)]
}

fn ticket(mode: Mode, text: &str) -> Ticket {
    let asked = |verdict| AskedPlace {
        place: "Signature and exp only".into(),
        verdict,
        detail: format!("401 {text}"),
        time: "after 61 min".into(),
    };
    let piece = |text: &str, is_credential| Piece { text: text.into(), is_credential };
    let fact = |is_changed| StoredFact { name: "credential".into(), value: text.into(), is_changed };
    Ticket {
        mode,
        added_bytes: Some(usize::MAX),
        request: Some(ShownRequest {
            pieces: vec![
                piece("GET /protected HTTP/1.1\n", false),
                piece(&long_token(), true),
                piece(text, false),
            ],
            bytes: 1234,
        }),
        stored: vec![fact(false), fact(true)],
        log: vec![text.into()],
        asked: [
            Verdict::Accepted,
            Verdict::StillAccepted,
            Verdict::Refused,
            Verdict::Unavailable,
            Verdict::NotPossible,
        ]
        .map(asked)
        .into(),
    }
}

fn empty_ticket(mode: Mode) -> Ticket {
    Ticket { mode, added_bytes: None, request: None, stored: vec![], log: vec![], asked: vec![] }
}

fn lab(text: &str) -> LabView {
    let act = |name: &str, is_current| ActButton { name: name.into(), label: text.into(), is_current };
    let step = |number, is_current| StepLink { number, title: text.into(), is_current };
    LabView {
        id: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        now: Moment::from_unix_seconds(NOON),
        ahead: Some("61 min".into()),
        clock_moves: ["+ 1 min", "+ 15 min", "+ 1 hour", "+ 1 day"]
            .map(|label| ClockButton { name: label.into(), label: label.into() })
            .into(),
        acts: vec![act("login", false), act("logout", true), act("tamper", false)],
        act: "logout".into(),
        about: text.into(),
        steps: vec![step(1, false), step(2, true), step(3, false)],
        previous: Some(1),
        next: Some(3),
        tickets: MODES.map(|mode| ticket(mode, text)).into(),
        event: text.into(),
        plot: plot(),
        lines: lines(text),
        commands: vec![format!("curl -i 'http://127.0.0.1:1/protected' -H 'x: {text}{}'", long_token()); 3],
        removed: Moment::from_unix_seconds(NOON),
    }
}

fn render(renderer: &Renderer, view: &impl View) -> String {
    let frame = Frame {
        product: HOSTILE.into(),
        base: "/auth".into(),
        host: "auth.example".into(),
        here: "/auth/lab".into(),
        user: None,
        request_id: "p3vQ0n9Jr2hK5cXw".into(),
        notice: Some(Message::new("notice-ended-others").with("count", 3)),
        live: None,
        theme: ThemeFrame::default(),
    };
    let html = renderer.render(Language::English, &frame, view);
    html.unwrap_or_else(|error| panic!("{error:?}"))
}

fn choose(advice: Option<AdviceView>, is_client_missing: bool) -> ChooseView {
    let choice = |value: &str, is_chosen| Choice { value: value.into(), text: HOSTILE.into(), is_chosen };
    let group = |name: &str, is_multiple: bool| ChoiceGroup {
        name: name.into(),
        question: format!("{name}? {HOSTILE}"),
        hint: (!is_multiple).then(|| HOSTILE.into()),
        is_multiple,
        choices: vec![choice("one", true), choice("own-services", false)],
    };
    let cost = |text: &str| CostRow { what: text.into(), values: [(); 3].map(|()| text.into()) };
    ChooseView {
        groups: vec![group("client", true), group("logout", false)],
        is_client_missing,
        costs: vec![cost("bytes"), cost(HOSTILE)],
        numbers: (!is_client_missing).then(|| MeasuredNumbers {
            number: u64::MAX,
            made: Moment::from_unix_seconds(NOON),
            modes: MODES.into(),
            rows: vec![MeasuredRow { feature: HOSTILE.into(), values: vec![HOSTILE.into(); 3] }],
        }),
        advice,
    }
}

fn advice(text: &str) -> AdviceView {
    let one = |mode| Advice {
        client: text.into(),
        mode,
        transport: "cookie".into(),
        reason: text.into(),
        command: format!("curl -i '{text}{}'", long_token()),
    };
    let row = |applies| GuideRow { text: text.into(), applies };
    let changed = |is_same_mode| ChangedAdvice {
        client: text.into(),
        mode: Mode::Jwt,
        transport: "bearer".into(),
        is_same_mode,
    };
    let other = |changed| OtherAnswer {
        text: text.into(),
        query: "spa=on&domains=one&logout=delayed&verifiers=none".into(),
        changed,
    };
    AdviceView {
        advice: MODES.map(one).into(),
        sessions_when: [Some(true), Some(false), None].map(row).into(),
        jwt_when: [None, Some(true)].map(row).into(),
        others: vec![other(vec![changed(false), changed(true)]), other(vec![])],
        query: "spa=on&domains=one&logout=immediate&verifiers=none".into(),
        init: text.into(),
        program: format!("let auth = {text}"),
        service: Some(format!("let verifier = {text}")),
    }
}

fn token_view(token: Option<TakenApart>) -> TokenView {
    TokenView { token, key_errors: KeyErrors::default(), max_token_kib: 8, max_key_set_kib: 64 }
}

fn jwt(text: &str, problems: &[&str], is_valid: Option<bool>) -> TokenView {
    let member = |time: Option<&str>, meaning| TokenMember {
        name: text.into(),
        value: format!("{text}{}", long_token()),
        time: time.map(str::to_owned),
        meaning,
    };
    let members =
        vec![member(None, None), member(Some("2025-11-24 16:00 UTC (in 12 min)"), Some("the token"))];
    token_view(Some(TakenApart::Jwt(JwtParts {
        texts: vec![long_token(), text.into(), "AAAA".into()],
        header: members.clone(),
        payload: members,
        signature_bytes: usize::MAX,
        signature: SignatureView {
            is_valid,
            summary: "not checked",
            checked_with: text.into(),
            explanation: vec![text.into(), long_token()],
        },
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
    })))
}

fn other_tokens() -> [TokenView; 3] {
    let session = HOSTILE.to_owned();
    [
        TakenApart::Session { session: session.clone() },
        TakenApart::Refresh { session, counter: u64::MAX },
        TakenApart::Invalid { problem: HOSTILE.into(), hint: HOSTILE.into() },
    ]
    .map(|token| token_view(Some(token)))
}

fn ranges(axis: RangeAxis, largest: f64) -> Option<RangePlot> {
    let row = |mode, value: f64| RangeRow {
        label: "First sight · Hybrid".into(),
        mode,
        low: value * 0.9,
        value,
        high: value * 1.4,
        text: "58.02 ms".into(),
    };
    let modes = [None, Some(Mode::Session), Some(Mode::Jwt), Some(Mode::Hybrid)];
    let rows: Vec<RangeRow> =
        modes.into_iter().zip([0.02, 0.3, 1.0, 0.7]).map(|(mode, part)| row(mode, part * largest)).collect();
    RangePlot::new(axis, &rows)
}

fn report(text: &str, warning: Option<&str>, count: usize) -> ReportView {
    let answer = ReportAnswer {
        feature: text.into(),
        usual: text.into(),
        values: [(); 3].map(|()| format!("1.24 (1.18 to 1.32) {text}")),
        says: text.into(),
    };
    let quantiles = QuantileRow { label: text.into(), values: [(); 3].map(|()| "29.1 µs".into()) };
    let figure = FigureRow {
        id: "down.issuer.after_lease".into(),
        values: [(); 4].map(|()| text.into()),
        meaning: text.into(),
    };
    ReportView {
        number: u64::MAX,
        made: Moment::from_unix_seconds(NOON),
        profile: text.into(),
        duration: "28.4 s".into(),
        warning: warning.map(str::to_owned),
        answers: vec![answer; count.min(7)],
        checks: ranges(RangeAxis::Ratio, 5.9).filter(|_| count > 0),
        revocation: plot().filter(|_| count > 0),
        times: ranges(RangeAxis::Time, 61.3).filter(|_| count > 0),
        quantiles: vec![quantiles; count.min(8)],
        figures: vec![figure; count],
        conditions: vec![text.into(); 3],
    }
}

/// The pages of measurements: none yet, running, failed, stopped, done, and of a busy machine.
fn measurement_pages(renderer: &Renderer) -> Vec<(&'static str, String)> {
    let started = Moment::from_unix_seconds(NOON);
    let progress = |part: &str, done| MeasurementProgress {
        number: 3,
        started: started.clone(),
        seconds: 17,
        part: part.into(),
        done,
        of: 2 * done,
    };
    let none = MeasurementsView { running: None, ended: vec![], most: 5 };
    let ended = |outcome| MeasurementRow { number: u64::MAX, started: started.clone(), outcome };
    let outcomes = [
        MeasurementOutcome::Done,
        MeasurementOutcome::TooBusy,
        MeasurementOutcome::Failed,
        MeasurementOutcome::Stopped,
    ];
    let some = MeasurementsView {
        running: Some(progress(HOSTILE, 7)),
        ended: outcomes.map(ended).into(),
        ..none.clone()
    };
    let running = |progress, is_refused, every| RunningMeasurementView { progress, is_refused, every };
    let failed = |cause: Vec<String>| FailedMeasurementView { number: 3, started: started.clone(), cause };
    vec![
        ("no measurements", render(renderer, &none)),
        ("measurements", render(renderer, &some)),
        ("measurement at its start", render(renderer, &running(progress("", 0), false, None))),
        ("measurement", render(renderer, &running(progress(HOSTILE, 1234), true, None))),
        ("measurement without script", render(renderer, &running(progress("rounds", 1), false, Some(2)))),
        ("failed measurement", render(renderer, &failed(vec![HOSTILE.into(), "w".repeat(400)]))),
        ("stopped measurement", render(renderer, &failed(vec![]))),
        ("report", render(renderer, &report(HOSTILE, None, 20))),
        ("report of a busy machine", render(renderer, &report("96 of 100 accepted", Some(HOSTILE), 40))),
        ("report of little", render(renderer, &report("quick", None, 0))),
    ]
}

/// Every page of the lab with each of its samples.
pub(crate) fn lab_pages(renderer: &Renderer) -> Vec<(&'static str, String)> {
    let hostile = lab(HOSTILE);
    let quiet = LabView {
        ahead: None,
        clock_moves: vec![],
        previous: None,
        next: None,
        tickets: MODES.map(empty_ticket).into(),
        plot: None,
        lines: vec![],
        commands: vec![],
        ..lab("Log in")
    };
    let long = LabView {
        lines: (0..15).flat_map(|_| lines(&"w".repeat(120))).collect(),
        tickets: MODES.map(|mode| ticket(mode, &"w".repeat(400))).into(),
        ..lab("Reuse the first token")
    };
    let row = |text: &str| LabRow {
        id: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        act: text.into(),
        removed: Moment::from_unix_seconds(NOON),
    };
    let home = LabsView { labs: vec![row(HOSTILE), row("Log in")], most: 4, idle_minutes: 30 };
    let empty_home = LabsView { labs: vec![], ..home.clone() };
    let question = |is_answered| QuestionRow {
        number: 1,
        text: HOSTILE.into(),
        acts: vec!["login".into(), HOSTILE.into()],
        is_answered,
    };
    let questions = QuestionsView { questions: vec![question(true), question(false)] };
    let act = |name: &str, plot| PlayedAct {
        name: format!("{name}{HOSTILE}"),
        lines: lines(HOSTILE),
        event: HOSTILE.into(),
        plot,
    };
    let answer = AnswerView {
        number: 5,
        question: HOSTILE.into(),
        answer: HOSTILE.into(),
        usual_answer: HOSTILE.into(),
        acts: vec![act("logout", plot()), act("cut", plot()), act("login", None)],
    };
    let unanswered = AnswerView { acts: vec![], ..answer.clone() };
    let problem =
        LabProblemView { status: 429, title: HOSTILE.into(), text: HOSTILE.into(), link: "/lab".into() };
    let [session, refresh, invalid] = other_tokens();
    let key_errors = KeyErrors { jwks: Some(HOSTILE.into()), secret: Some(HOSTILE.into()) };
    let without_keys = TokenView { key_errors, ..jwt("exp", &[], None) };
    let pages = vec![
        ("lab", render(renderer, &hostile)),
        ("quiet lab", render(renderer, &quiet)),
        ("long lab", render(renderer, &long)),
        ("labs", render(renderer, &home)),
        ("no labs", render(renderer, &empty_home)),
        ("questions", render(renderer, &questions)),
        ("answer", render(renderer, &answer)),
        ("unanswered", render(renderer, &unanswered)),
        ("problem of the lab", render(renderer, &problem)),
        ("questions of a choice", render(renderer, &choose(None, false))),
        ("choice without a client", render(renderer, &choose(None, true))),
        ("choice", render(renderer, &choose(Some(advice(HOSTILE)), false))),
        ("form of a token", render(renderer, &token_view(None))),
        ("JWT", render(renderer, &jwt(HOSTILE, &[HOSTILE, "expired"], None))),
        ("JWT without problems", render(renderer, &jwt("exp", &[], Some(true)))),
        ("forged JWT", render(renderer, &jwt("exp", &[], Some(false)))),
        ("JWT and keys that are none", render(renderer, &without_keys)),
        ("session token", render(renderer, &session)),
        ("refresh token", render(renderer, &refresh)),
        ("no token", render(renderer, &invalid)),
    ];
    pages.into_iter().chain(measurement_pages(renderer)).collect()
}
