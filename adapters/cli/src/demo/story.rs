//! What the writers of the demonstration write: a page of the project's own.

/// Someone who writes.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// What they add to the page. One word of it is misspelt.
    pub(super) paragraph: &'static str,
    /// A word of someone else's that they put right, and how.
    pub(super) correction: (&'static str, &'static str),
    /// What they add to the last line, all at the same moment and place.
    pub(super) signature: &'static str,
    /// The color of their text in a terminal.
    pub(super) color: u8,
}

pub(super) const TITLE: &str = "The light at Gull Point\n";
pub(super) const LAST_LINE: &str = "\nKept by";

pub(super) const PARTS: [Part; 4] = [
    Part {
        name: "Ida",
        paragraph: "The lamp is lit an hour before dusk. From the gallery you see the harbour first, then the \
                    fields, then only water going grey, and the lantren turning above it all.\n",
        correction: ("ovver", "over"),
        signature: " · Ida",
        color: 36,
    },
    Part {
        name: "Jon",
        paragraph: "At nine the wind went round to the north. I closed the shutters on that side and wrote the \
                    pressure down: 998, and falling sloly.\n",
        correction: ("lantren", "lantern"),
        signature: " · Jon",
        color: 33,
    },
    Part {
        name: "Mia",
        paragraph: "A trawler passed so close in that I heard its radio, and someone aboard singing. I waved the \
                    old flag, and they sounded the horn twize.\n",
        correction: ("sloly", "slowly"),
        signature: " · Mia",
        color: 35,
    },
    Part {
        name: "Tom",
        paragraph: "The garden behind the wall has survived another storm. The kale stands, the beans do not; I \
                    shall plant them again when the frost is ovver.\n",
        correction: ("twize", "twice"),
        signature: " · Tom",
        color: 32,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_to_be_put_right_is_in_one_paragraph_that_someone_else_wrote() {
        for Part { name, correction: (wrong, _), .. } in PARTS {
            let by: Vec<_> = PARTS.iter().filter(|part| part.paragraph.contains(wrong)).map(|part| part.name).collect();
            assert!(by.len() == 1 && by[0] != name, "{wrong}: {by:?}");
        }
    }
}
