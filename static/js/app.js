// The entry for signed-in people: everything their pages load at once, bundled into one file (`web/assets/bundle.rs`). Modules that are
// needed only on use are imported dynamically, with `import('#js/…')`.
import '#js/install.js';
import '#js/core/session.js';
import '#js/core/layout.js';
// Before the room: the column's width decides where the log is.
import '#js/room/column.js';
import '#js/room/live.js';
import '#js/files/pictures.js';
import '#js/people/members.js';
import '#js/account/settings.js';
import '#js/account/two-factor.js';
import '#js/account/photo.js';
import '#js/core/copy.js';
import '#js/room/directory.js';
