//! Clients that hold a connection and send next to nothing. Each of these waits for a limit of the server's to pass, so they run side by
//! side, and on one database: it makes no difference here.

use std::time::Duration;

use futures_util::future::join_all;
use proof::faults::drips;
use tokio::net::TcpStream;

use crate::harness::TestApp;
use crate::once;

/// How long the longest of the limits may take, with room for a busy machine.
const AT_MOST: Duration = Duration::from_secs(40);

#[apply(once)]
async fn nobody_holds_a_connection_by_dawdling(app: &TestApp) {
    let ada = app.register("ada").await;
    join_all(drips::all().iter().map(async |drip| {
        let stream = TcpStream::connect(app.address).await.expect("the server accepts");
        let raw = drip.begin(stream, &ada).await;
        assert!(raw.drip(drip.piece, AT_MOST).await.is_some(), "{}: still connected", drip.what);
    }))
    .await;
    app.stranger().get("/healthz").await.expect(200);
}
