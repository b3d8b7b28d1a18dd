//! Reduces a password to texts whose estimate takes a bounded time: repetitions collapsed, few substitutions.

/// The longest repeated block that is collapsed, in characters.
const MAX_PERIOD: usize = 32;

/// How many readings of substituted characters (`0` as `o`, `1` as `i` or `l`) are estimated for one text.
const MAX_READINGS: usize = 4;

/// The characters that the estimate reads as letters, from the table of zxcvbn. It tries every combination, so that eleven
/// of them in one password cost half a second.
const SUBSTITUTIONS: [(char, &[char]); 12] = [
    ('a', &['4', '@']),
    ('b', &['8']),
    ('c', &['(', '{', '[', '<']),
    ('e', &['3']),
    ('g', &['6', '9']),
    ('i', &['1', '!', '|']),
    ('l', &['1', '|', '7']),
    ('o', &['0']),
    ('s', &['$', '5']),
    ('t', &['+', '7']),
    ('x', &['%']),
    ('z', &['2']),
];

/// The text without what is only repeated: of three or more equal blocks in a row, in any case, two are left. So a long
/// repetition in front of a passphrase does not hide it, and does not add strength.
pub(super) fn collapse_repetitions(text: &[char]) -> Vec<char> {
    let folded: Vec<char> = text.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let runs = equal_runs(&folded);
    let mut collapsed = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let covered = |period: usize| match runs[period - 1][at] / period + 1 {
            blocks if blocks > 2 => blocks * period,
            _ => 0,
        };
        // The longest repetition; of equally long ones that with the shortest block.
        let best = (1..=MAX_PERIOD).max_by_key(|period| (covered(*period), MAX_PERIOD - period));
        let period = best.filter(|period| covered(*period) > 0);
        let (kept, skipped) = period.map_or((1, 1), |period| (2 * period, covered(period)));
        collapsed.extend_from_slice(&text[at..at + kept]);
        at += skipped;
    }
    collapsed
}

/// For each period and position, how many characters from there are equal to those one period later.
fn equal_runs(text: &[char]) -> Vec<Vec<usize>> {
    let runs_of = |period: usize| {
        let mut runs = vec![0; text.len() + 1];
        for at in (0..text.len().saturating_sub(period)).rev() {
            runs[at] = if text[at] == text[at + period] { runs[at + 1] + 1 } else { 0 };
        }
        runs
    };
    (1..=MAX_PERIOD).map(runs_of).collect()
}

/// The text with at most [`MAX_READINGS`] readings. If it has more, all characters that can stand for the same letter are
/// replaced by one of them, so that its words are still found.
pub(super) fn limit_readings(text: &[char]) -> String {
    if count_readings(text) <= MAX_READINGS {
        return text.iter().collect();
    }
    text.iter().map(|c| canonical_substitution(*c)).collect()
}

/// An upper bound of the readings: each letter is one of its characters that occur, and a character that stands for two
/// letters doubles them. All characters of `l` are such characters, so that it is not counted again.
fn count_readings(text: &[char]) -> usize {
    let present = |c: &&char| text.contains(c);
    let unambiguous = SUBSTITUTIONS.iter().filter(|(letter, _)| *letter != 'l');
    let per_letter = unambiguous.map(|(_, characters)| characters.iter().filter(present).count().max(1));
    let ambiguous = ['1', '|', '7'].iter().filter(present).count();
    per_letter.product::<usize>() << ambiguous
}

/// One character for each letter. What is left is ambiguous in `1` alone.
const fn canonical_substitution(c: char) -> char {
    match c {
        '@' => '4',
        '{' | '[' | '<' => '(',
        '6' => '9',
        '!' | '|' => '1',
        '$' => '5',
        '7' => '+',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collapsed(text: &str) -> String {
        collapse_repetitions(&text.chars().collect::<Vec<_>>()).into_iter().collect()
    }

    fn limited(text: &str) -> String {
        limit_readings(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn of_a_repetition_two_blocks_are_left() {
        for (text, expected) in [
            ("", ""),
            ("aa", "aa"),
            ("aaaaaaaaab", "aab"),
            ("abababab correct horse", "abab correct horse"),
            ("PasswordPASSWORDpasswordpass", "PasswordPASSWORDpass"),
            ("xaaaaybbbbz", "xaaybbz"),
            ("correct horse battery staple", "correct horse battery staple"),
            ("хорошохорошохорошо!", "хорошохорошо!"),
        ] {
            assert_eq!(collapsed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_of_few_substitutions_stays_as_it_is() {
        for text in ["P@ssw0rd-1977", "h0rse b4ttery!", "2026-11-29", "!@#$%^&*()"] {
            assert_eq!(limited(text), text);
        }
    }

    #[test]
    fn no_text_has_more_readings_than_the_limit() {
        let all: String = SUBSTITUTIONS.iter().flat_map(|(_, characters)| *characters).collect();
        for text in [all.as_str(), "4@8({[<369 1!|70$5+%2", "1|7", "a1b2c3d4e5f6g7h8i9j0", "69 4@ $5"] {
            let text = limited(text);
            assert!(count_readings(&text.chars().collect::<Vec<_>>()) <= MAX_READINGS, "{text}");
        }
        assert_eq!(limited("p@$$w0rd p4551{c}7"), "p455w0rd p4551(c}+");
    }
}
