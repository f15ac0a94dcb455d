//! A document as one value.

use std::collections::BTreeMap;

use crdt_socket_sync::{Document, document::ValueError};
use crdt_socket_sync_tests::short::document::{document, edit, exchange};
use serde::Deserialize;

#[derive(Deserialize, PartialEq, Debug)]
struct Shop {
    name: String,
    stock: BTreeMap<String, Product>,
    visitors: i64,
    tags: Vec<String>,
    open: Option<bool>,
    hours: (u8, u8, String),
    #[serde(default)]
    nobody_wrote_this: u8,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Product {
    about: String,
    sold: u32,
}

fn shop() -> Document {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("name").push_str("Тea \"& more\"\n")?;
        let mut stock = txn.or_map::<u8>("stock");
        let mut tea = stock.map::<u8>("tea")?;
        tea.text("about")?.push_str("😀")?;
        tea.counter("sold")?.add(3)?;
        txn.counter("visitors").add(-5)?;
        txn.or_set("tags").add(&"a")?;
        txn.or_set("tags").add(&"b")?;
        let mut hours = txn.list::<u8>("hours");
        hours.push(&9)?;
        hours.push(&17)?;
        hours.insert_text(2)?.push_str("not on Sundays")?;
        txn.register::<bool>("open").set(&true)
    });
    ann
}

#[test]
fn what_is_shown_is_one_value_nested_as_it_is_shown() {
    let mut ann = shop();
    let json = ann.to_json();
    assert_eq!(
        json,
        r#"{"hours":[9,17,"not on Sundays"],"name":"Тea \"& more\"\u000a","open":true,"stock":{"tea":{"about":"😀","sold":3}},"tags":["a","b"],"visitors":-5}"#
    );
    let tea = Product { about: "😀".into(), sold: 3 };
    let expected = Shop {
        name: "Тea \"& more\"\n".into(),
        stock: [("tea".to_owned(), tea)].into(),
        visitors: -5,
        tags: vec!["a".into(), "b".into()],
        open: Some(true),
        hours: (9, 17, "not on Sundays".into()),
        nobody_wrote_this: 0,
    };
    assert_eq!(ann.get::<Shop>().as_ref(), Ok(&expected));
    assert_eq!(serde_json::from_str::<Shop>(&json).expect("good JSON"), expected);
    // What is not shown any more is not in it.
    edit(&mut ann, |txn| txn.or_map::<u8>("stock").remove("tea"));
    edit(&mut ann, |txn| txn.register::<bool>("open").clear());
    let shop: Shop = ann.get().expect("a shop");
    assert_eq!((shop.stock.len(), shop.open), (0, None));
}

#[test]
fn what_is_of_another_shape_is_an_error() {
    assert!(matches!(shop().get::<BTreeMap<String, u8>>(), Err(ValueError::Mismatch(_))));
    assert!(matches!(document(1).get::<Shop>(), Err(ValueError::Mismatch(_))));
    assert_eq!(
        (document(1).to_json().as_str(), document(1).get::<BTreeMap<String, u8>>()),
        ("{}", Ok(BTreeMap::new()))
    );
}

#[test]
fn of_several_kinds_of_one_name_the_first_in_which_something_is_is_shown_to_everyone() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.register("x").set(&1));
    let mut bob = document(2);
    edit(&mut bob, |txn| txn.text("x").push_str("text"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!([ann.to_json(), bob.to_json()], [r#"{"x":"text"}"#; 2]);
    edit(&mut ann, |txn| txn.text("x").delete(0, 4));
    assert_eq!(ann.to_json(), r#"{"x":1}"#);
    edit(&mut ann, |txn| txn.register::<u8>("x").clear());
    assert_eq!(ann.to_json(), r#"{"x":""}"#);
}

#[test]
fn values_that_json_does_not_have_are_what_the_docs_say() {
    use ciborium::Value;
    let mut ann = document(1);
    let odd = Value::Map(vec![
        (Value::from(1), Value::Bytes(vec![1, 255])),
        (Value::Text("1".into()), Value::Float(f64::NAN)),
        (Value::Bool(true), Value::Tag(7, Box::new(Value::from(2.5)))),
        (Value::Array(vec![Value::Null]), Value::from(u64::MAX)),
    ]);
    edit(&mut ann, |txn| {
        txn.map("map").set("k", &odd)?;
        txn.counter("sum").add(i64::MAX)?;
        txn.counter("sum").add(i64::MAX)?;
        txn.counter("sum").add(i64::MAX)
    });
    let json = ann.to_json();
    assert_eq!(
        json,
        r#"{"map":{"k":{"1":null,"[null]":18446744073709551615,"true":2.5}},"sum":2.7670116110564327e19}"#
    );
    serde_json::from_str::<serde_json::Value>(&json).expect("good JSON");
}
