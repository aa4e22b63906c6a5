//! Squares that are cut out of pictures.

use std::path::Path;

use parlor::pictures::{MadePreview, Pictures, Square};

use super::fixtures::{CORNERS, are_alike, corners, corners_of, photo, read};
use crate::harness::{process::PROGRAM, watchdog};

async fn cut(photo: &[u8], square: Option<Square>) -> parlor::error::Result<Vec<(&'static str, i64, Vec<u8>)>> {
    let folder = watchdog::folder();
    let source = folder.path().join("source");
    std::fs::write(&source, photo).unwrap();
    let made = Pictures::new(Some(Path::new(PROGRAM))).crop(&source, square, folder.path()).await?;
    let read = |made: MadePreview| (made.size, made.density, std::fs::read(&made.path).unwrap());
    let mut made: Vec<_> = made.into_iter().map(read).collect();
    made.sort();
    Ok(made)
}

#[tokio::test]
async fn a_square_is_cut_as_the_picture_is_shown() {
    for orientation in 1..=8 {
        let photo = photo(&corners(600, 400), orientation, None);
        let middle = cut(&photo, None).await.unwrap();
        let sizes: Vec<_> = middle.iter().map(|(size, density, bytes)| (*size, *density, read(bytes).width())).collect();
        assert_eq!(sizes, [("large", 1, 128), ("large", 2, 256), ("small", 1, 48), ("small", 2, 96)]);
        for (_, _, bytes) in middle {
            assert!(are_alike(corners_of(&read(&bytes)), CORNERS), "{orientation}");
        }
        // The lower right part is of one color.
        let part = cut(&photo, Some(Square { x: 320, y: 220, size: 150 })).await.unwrap();
        for (size, density, bytes) in part {
            let picture = read(&bytes);
            assert!(are_alike(corners_of(&picture), [CORNERS[2]; 4]), "{orientation} {size} {density}");
            // It is not enlarged.
            assert!(picture.width() == picture.height() && picture.width() <= 150);
        }
        // What is not all in the picture is moved into it.
        let over = cut(&photo, Some(Square { x: 5_000, y: 0, size: 100_000 })).await.unwrap();
        assert!(
            over.iter()
                .all(|(_, _, bytes)| are_alike(corners_of(&read(bytes)), [CORNERS[0], CORNERS[1], CORNERS[2], CORNERS[3]]))
        );
    }
    let refused = cut(b"no picture", None).await.unwrap_err();
    assert_eq!((refused.code(), refused.field()), ("invalid", Some("file")));
}
