//! What a peer sends never does more than end its own link.

use bytes::Bytes;
use crdt_socket_sync::wire::{FullNames, Message};
use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::hostile::{Siege, State, examples};
use crdt_socket_sync_tests::{Dice, suite::hold};

/// A frame that may be anything: random bytes, or a legal frame with some of it changed.
fn frame(dice: &mut Dice, legal: &[Bytes]) -> Bytes {
    if dice.roll(4) == 0 {
        return (0..dice.roll(200)).map(|_| dice.byte()).collect();
    }
    let mut bytes = legal[dice.roll(legal.len())].to_vec();
    for _ in 0..dice.roll(4) {
        let at = dice.roll(bytes.len().max(1));
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.byte()),
            2 => bytes.extend_from_slice(&legal[dice.roll(legal.len())]),
            3 => {
                let other = &legal[dice.roll(legal.len())];
                let from = dice.roll(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ if at < bytes.len() => bytes[at] = dice.byte(),
            _ => {}
        }
    }
    bytes.into()
}

fn besiege(state: State, frames: usize) -> Siege {
    let mut dice = Dice::new(state as u64 + 1);
    let legal: Vec<_> = examples().iter().map(|message| message.encode(&FullNames)).collect();
    let mut siege = Siege::new(state);
    for sent in 1..=frames {
        siege.send(frame(&mut dice, &legal));
        if sent % 1_000 == 0 {
            siege.work();
        }
    }
    siege
}

#[test]
fn ten_thousand_bad_frames_at_every_state_close_links_and_disturb_nobody() {
    for state in State::ALL {
        let siege = besiege(state, 10_000);
        assert!(siege.undisturbed(), "{state:?}: an honest client lost its link");
        let harmless = state == State::Closing;
        assert!(harmless || siege.refused > 1_000, "{state:?}: only {} of 10 000 bad frames refused", siege.refused);
        assert!(siege.closed > 0, "{state:?}: no link was closed");
    }
}

#[test]
fn every_message_survives_its_frame_and_no_prefix_of_a_frame_is_a_message() {
    for message in examples() {
        let frame = message.encode(&FullNames);
        assert_eq!(Message::decode(frame.clone(), &FullNames), Ok(message.clone()), "{}", message.name());
        for len in 0..frame.len() {
            let cut = Message::decode(frame.slice(..len), &FullNames);
            assert!(cut.is_err(), "{} cut at {len} of {}: {cut:?}", message.name(), frame.len());
        }
        let mut longer = frame.to_vec();
        longer.push(0);
        assert!(Message::decode(longer.into(), &FullNames).is_err(), "{} with a byte too many", message.name());
    }
}

/// Room for later versions: what they append to a message is passed over.
#[test]
fn fields_that_a_later_version_adds_are_ignored() {
    for message in examples() {
        let mut frame = message.encode(&FullNames).to_vec();
        // One more item in the message's array: a map that holds an array.
        frame[0] += 1;
        frame.extend_from_slice(&[0xa1, 0x01, 0x82, 0x02, 0x61, b'x']);
        assert_eq!(Message::decode(frame.into(), &FullNames), Ok(message.clone()), "{}", message.name());
    }
}

/// The oracles are those of `crdt_socket_sync_loopback::program`.
#[test]
fn whatever_strangers_send_while_people_work_everyone_has_the_same_in_the_end() {
    let total = hold(&Mix::HOSTILE, 1_000);
    assert!(total.faults > total.steps / 10, "strangers have sent something: {total:?}");
}
