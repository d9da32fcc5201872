//! A plotter's paper made of characters.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

type Done<T> = Result<T, DrawingErrorKind<Infallible>>;

/// Columns and lines, written to a text when it is dropped.
pub(crate) struct Terminal<'a> {
    cells: Vec<Vec<char>>,
    text: &'a mut String,
}

impl Terminal<'_> {
    /// Begins with nothing on it.
    pub(crate) fn new((columns, lines): (u32, u32), text: &mut String) -> Terminal<'_> {
        Terminal { cells: vec![vec![' '; columns as usize]; lines as usize], text }
    }

    fn put(&mut self, (x, y): BackendCoord, character: char) {
        let line = usize::try_from(y).ok().and_then(|y| self.cells.get_mut(y));
        let cell = usize::try_from(x).ok().zip(line).and_then(|(x, line)| line.get_mut(x));
        if let Some(cell) = cell {
            *cell = character;
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        for line in &self.cells {
            let line: String = line.iter().collect();
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

impl DrawingBackend for Terminal<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.cells[0].len() as u32, self.cells.len() as u32)
    }

    fn ensure_prepared(&mut self) -> Done<()> {
        Ok(())
    }

    fn present(&mut self) -> Done<()> {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Done<()> {
        if color.alpha > 0.3 {
            self.put(at, '.');
        }
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        _style: &S,
    ) -> Done<()> {
        // Axes and their ticks; a slanting line has no character.
        if from.0 == to.0 {
            (from.1.min(to.1)..=from.1.max(to.1)).for_each(|y| self.put((from.0, y), '|'));
        } else if from.1 == to.1 {
            (from.0.min(to.0)..=from.0.max(to.0)).for_each(|x| self.put((x, from.1), '-'));
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(&self, text: &str, _style: &S) -> Done<(u32, u32)> {
        Ok((text.chars().count() as u32, 1))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Done<()> {
        let anchor = style.anchor();
        let width = text.chars().count() as i32;
        let x = match anchor.h_pos {
            HPos::Left => x,
            HPos::Right => x - width,
            HPos::Center => x - width / 2,
        };
        let y = if matches!(anchor.v_pos, VPos::Bottom) { y - 1 } else { y };
        for (column, character) in (x..).zip(text.chars()) {
            self.put((column, y), character);
        }
        Ok(())
    }
}
