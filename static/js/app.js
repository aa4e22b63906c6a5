// Everything that the pages of somebody who is signed in load at once; `web/bundle.rs` makes one file of it. What is not needed before
// it is used is left out here, and asked for with `import('#js/…')`.
import '#js/install.js';
import '#js/shell.js';
import '#js/frame.js';
// Before the room: where its log stands follows from the column's width.
import '#js/column.js';
import '#js/room-live.js';
import '#js/members.js';
import '#js/settings.js';
import '#js/copy.js';
import '#js/directory.js';
