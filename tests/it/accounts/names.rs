//! Which usernames, names and passwords are accepted.

use crate::harness::TestApp;
use crate::harness::site::PASSWORD;
use crate::once;

once! {
    async fn usernames_of_every_allowed_shape_are_accepted(app: &TestApp) {
        let longest = "a".repeat(32);
        for username in ["a", "7", "ada.lovelace", "a-b_c.d", "0x", &longest] {
            app.register(username).await;
        }
    }

    async fn usernames_of_any_other_shape_are_refused(app: &TestApp) {
        let too_long = "a".repeat(33);
        let others = [
            "", " ", ".ada", "-ada", "_ada", "a b", "a/b", "a@b", "ada!", "ädä", "ада", "аdmin", "a\u{202E}b", "a\u{200D}b", "a\u{200B}b",
            "a\0b", "a\nb", "<b>", "日本", "a%00", "🦀", &too_long,
        ];
        for username in others {
            let answer = app.stranger().post("/register", &[("username", username), ("password", PASSWORD)]).await;
            assert_eq!(answer.status, 422, "{username:?}");
        }
    }

    async fn spaces_around_a_username_and_capital_letters_do_not_make_another_one(app: &TestApp) {
        let stranger = app.stranger();
        stranger.post("/register", &[("username", "Ada"), ("password", PASSWORD)]).await.expect(303);
        let (socket, _) = stranger.join("general").await;
        assert_eq!(socket.post("general", "hello", "1").await["author"]["username"], "ada");
    }

    async fn a_name_to_show_hides_nothing_and_has_64_characters_at_most(app: &TestApp) {
        let too_long = "é".repeat(65);
        let hidden = ["a\u{202E}b", "a\u{2066}b", "a\u{200B}b", "a\u{FEFF}b", "a\u{7}b", "a\0b", "a\nb", &too_long];
        for (number, name) in hidden.into_iter().enumerate() {
            let username = format!("user{number}");
            let fields = [("username", &*username), ("password", PASSWORD), ("name", name)];
            assert_eq!(app.stranger().post("/register", &fields).await.status, 422, "{name:?}");
        }
        let longest = "é".repeat(64);
        for (number, name) in ["Grace Hopper", "李小龍", "محمد", &longest].into_iter().enumerate() {
            let username = format!("good{number}");
            let fields = [("username", &*username), ("password", PASSWORD), ("name", name)];
            app.stranger().post("/register", &fields).await.expect(303);
        }
    }

    async fn passwords_that_are_short_endless_or_common_are_refused(app: &TestApp) {
        let endless = "a b".repeat(86);
        for password in ["", "seven77", "password", "12345678", "qwertyuiop", "ada-ada1\0", &endless] {
            let answer = app.stranger().post("/register", &[("username", "ada"), ("password", password)]).await;
            assert_eq!(answer.status, 422, "{password:?}");
        }
    }

    async fn passwords_of_any_script_and_up_to_256_characters_are_accepted(app: &TestApp) {
        let longest: String = "seven quiet harbours, ".chars().cycle().take(256).collect();
        for (number, password) in ["рыба-меч и чай", "七つの静かな港です", "  spaces around  ", &longest].into_iter().enumerate() {
            let username = format!("user{number}");
            let fields = [("username", &*username), ("password", password)];
            app.stranger().post("/register", &fields).await.expect(303);
            app.stranger().post("/login", &fields).await.expect(303);
        }
    }
}
