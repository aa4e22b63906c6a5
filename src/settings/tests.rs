use super::*;
use crate::config::SETTINGS;

#[test]
fn every_setting_has_a_variable_and_reads_what_it_writes() {
    let (values, fixed) = Values::of(&Config::default());
    assert_eq!((&values, fixed.len()), (&Values::default(), 0));
    let off = crate::config::Retention { audit: None, ..Default::default() };
    let mut read = Values {
        server_name: "Other".into(),
        default_rooms: Vec::new(),
        link_previews: false,
        retention: off,
        ..Values::default()
    };
    for name in Name::ALL {
        assert!(SETTINGS.contains(&&*name.variable()), "{name:?}");
        assert_eq!(Name::parse(name.as_str()), Some(name));
        read.set(name, &values.text(name)).unwrap();
    }
    assert_eq!(read, values);
    assert_eq!(Name::parse("log"), None);
}

#[test]
fn a_reason_is_a_sentence() {
    let mut values = Values::default();
    let why = values.set(Name::Inviters, "friends").unwrap_err();
    assert_eq!(sentence(&why), "Must be everyone or admins.");
}
