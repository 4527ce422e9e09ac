//! Squarified treemaps (Bruls, Huizing, van Wijk, 2000): rectangles with given areas, as close to
//! squares as possible. The crates for it are unmaintained, and it takes few lines.

/// A rectangle, in units of the drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Rect {
    /// Returns the inside, without a `margin` on each side and without `top` more above.
    pub(super) fn inside(self, margin: f64, top: f64) -> Self {
        let Self { x, y, w, h } = self;
        let (w, h) = ((w - 2.0 * margin).max(0.0), (h - 2.0 * margin - top).max(0.0));
        Self { x: x + margin, y: y + margin + top, w, h }
    }
}

/// Returns a rectangle for each size, in order. Sizes are positive and descending. The rectangles
/// fill `area`.
pub(super) fn squarify(sizes: &[u64], area: Rect) -> Vec<Rect> {
    let total: f64 = sizes.iter().map(|size| *size as f64).sum();
    if total <= 0.0 || area.w <= 0.0 || area.h <= 0.0 {
        return vec![Rect { w: 0.0, h: 0.0, ..area }; sizes.len()];
    }
    let scale = area.w * area.h / total;
    let areas: Vec<f64> = sizes.iter().map(|size| *size as f64 * scale).collect();
    let mut out = Vec::with_capacity(areas.len());
    let (mut rest, mut areas) = (area, &areas[..]);
    while !areas.is_empty() {
        let side = rest.w.min(rest.h).max(f64::MIN_POSITIVE);
        let (mut sum, mut taken) = (areas[0], 1);
        while let Some(next) = areas.get(taken) {
            if worst(areas[0], *next, sum + next, side)
                > worst(areas[0], areas[taken - 1], sum, side)
            {
                break;
            }
            sum += next;
            taken += 1;
        }
        let (row, others) = areas.split_at(taken);
        rest = place(row, sum, rest, &mut out);
        areas = others;
    }
    out
}

/// Returns the worst aspect ratio in a row along `side` whose areas range from `max` down to `min`.
fn worst(max: f64, min: f64, sum: f64, side: f64) -> f64 {
    let (side, sum) = (side * side, sum * sum);
    (side * max / sum).max(sum / (side * min))
}

/// Places a row along the shorter side, and returns the area left beside it.
fn place(row: &[f64], sum: f64, area: Rect, out: &mut Vec<Rect>) -> Rect {
    let Rect { x, y, w, h } = area;
    let thick = sum / w.min(h).max(f64::MIN_POSITIVE);
    let mut at = 0.0;
    for part in row {
        let long = part / thick.max(f64::MIN_POSITIVE);
        out.push(match w >= h {
            true => Rect { x, y: y + at, w: thick, h: long },
            false => Rect { x: x + at, y, w: long, h: thick },
        });
        at += long;
    }
    match w >= h {
        true => Rect { x: x + thick, w: (w - thick).max(0.0), ..area },
        false => Rect { y: y + thick, h: (h - thick).max(0.0), ..area },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AREA: Rect = Rect { x: 10.0, y: 20.0, w: 600.0, h: 400.0 };

    #[test]
    fn the_example_of_the_paper() {
        let area = Rect { x: 0.0, y: 0.0, w: 6.0, h: 4.0 };
        let rects = squarify(&[6, 6, 4, 3, 2, 2, 1], area);
        assert_eq!((rects[0].w, rects[0].h), (3.0, 2.0));
        assert_eq!((rects[1].w, rects[1].h), (3.0, 2.0));
        assert!((rects[2].w - 12.0 / 7.0).abs() < 1e-9, "{:?}", rects[2]);
        assert!((rects[2].h - 7.0 / 3.0).abs() < 1e-9, "{:?}", rects[2]);
    }

    #[test]
    fn nothing_and_no_place_are_no_trouble() {
        assert!(squarify(&[], AREA).is_empty());
        assert_eq!(squarify(&[5, 3], Rect { w: 0.0, ..AREA }).len(), 2);
        assert_eq!(squarify(&[u64::MAX], AREA)[0].w, 600.0);
    }

    proptest! {
        #[test]
        fn areas_are_in_proportion_and_do_not_overlap(
            mut sizes in proptest::collection::vec(1u64..1 << 44, 1..60)
        ) {
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            let rects = squarify(&sizes, AREA);
            prop_assert_eq!(rects.len(), sizes.len());
            let total: f64 = sizes.iter().map(|size| *size as f64).sum();
            for (size, rect) in sizes.iter().zip(&rects) {
                let wanted = *size as f64 / total * AREA.w * AREA.h;
                prop_assert!((rect.w * rect.h - wanted).abs() < 1e-3, "{:?}", rect);
                prop_assert!(rect.x >= AREA.x - 1e-6 && rect.y >= AREA.y - 1e-6);
                prop_assert!(rect.x + rect.w <= AREA.x + AREA.w + 1e-3);
                prop_assert!(rect.y + rect.h <= AREA.y + AREA.h + 1e-3);
            }
            for (at, a) in rects.iter().enumerate() {
                for b in &rects[at + 1..] {
                    let wide = (a.x + a.w).min(b.x + b.w) - a.x.max(b.x);
                    let high = (a.y + a.h).min(b.y + b.h) - a.y.max(b.y);
                    prop_assert!(wide < 1e-3 || high < 1e-3, "{:?} {:?}", a, b);
                }
            }
        }
    }
}
