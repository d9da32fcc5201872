// Lights a step in every style, chooses columns, moves by keys. The page is complete without it.
"use strict";

(() => {
    const narrow = window.matchMedia("(max-width: 900px)");
    // What 48 characters of code take, in pixels.
    const COLUMN_LEAST = 370;

    class Compare {
        constructor(root) {
            this.root = root;
            this.cells = [...root.querySelectorAll(".compare-cell[data-step]")];
            this.styles = [...root.querySelectorAll(".compare-head [data-style]")]
                .map(head => ({ name: head.dataset.style, label: head.textContent }));
            this.usual = this.usually();
            this.chosen = new Set(this.asked());
            this.tab = [...this.chosen][0];
            this.pinned = null;
            this.bar = this.begin();
            this.listen();
            this.show();
            this.follow();
        }

        // All columns, but fibers, which are no wing, only where there is room.
        usually() {
            const names = this.styles.map(style => style.name);
            const room = this.root.clientWidth >= names.length * COLUMN_LEAST;
            return room ? names : names.filter(name => name !== "fibers");
        }

        // The columns that the address asks for, or the usual ones.
        asked() {
            const names = (new URLSearchParams(location.search).get("columns") ?? "").split(",");
            const known = this.styles.map(style => style.name).filter(name => names.includes(name));
            return known.length > 0 ? known : this.usual;
        }

        begin() {
            const bar = document.createElement("div");
            bar.className = "compare-bar";
            bar.setAttribute("role", "group");
            bar.setAttribute("aria-label", "Columns");
            this.buttons = this.styles.map(({ name, label }) => {
                const button = document.createElement("button");
                button.type = "button";
                button.textContent = label;
                button.dataset.column = name;
                button.addEventListener("click", () => this.choose(name));
                bar.append(button);
                return button;
            });
            const keys = document.createElement("p");
            keys.className = "keys";
            keys.textContent = "Click a step, then use the arrow keys";
            bar.append(keys);
            this.root.prepend(bar);
            return bar;
        }

        listen() {
            // Not "pointerover", which comes as well when the keys scroll the page under the pointer.
            this.root.addEventListener("pointermove", event => {
                this.light(event.target.closest("[data-step]")?.dataset.step ?? this.pinned);
            });
            this.root.addEventListener("pointerleave", () => this.light(this.pinned));
            this.root.addEventListener("focusin", event => {
                const cell = event.target.closest(".compare-cell[data-step]");
                if (cell) this.pin(cell);
            });
            this.root.addEventListener("keydown", event => this.key(event));
            window.addEventListener("hashchange", () => this.follow());
            narrow.addEventListener("change", () => this.show());
            this.cells.forEach((cell, place) => { cell.tabIndex = place === 0 ? 0 : -1; });
        }

        // Lights a step in every style; none, if there is none.
        light(step) {
            for (const cell of this.cells) {
                cell.classList.toggle("lit", cell.dataset.step === step);
            }
        }

        // Keeps a step lit, and has the address name it.
        pin(cell) {
            this.pinned = cell.dataset.step;
            this.light(this.pinned);
            for (const other of this.cells) other.tabIndex = other === cell ? 0 : -1;
            this.tell(`#${cell.closest(".compare-row").id}`);
        }

        // Lights the step that the address names.
        follow() {
            const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
            if (!row || !this.root.contains(row)) return;
            this.pinned = row.dataset.step;
            this.light(this.pinned);
        }

        // Shows or hides a column; on a phone, shows it alone. One is always left.
        choose(name) {
            const row = narrow.matches && this.first();
            if (narrow.matches) {
                this.tab = name;
            } else if (!this.chosen.delete(name)) {
                this.chosen.add(name);
            } else if (this.chosen.size === 0) {
                this.chosen.add(name);
            }
            this.show();
            // The same step in the other style, which may be longer.
            if (row) row.scrollIntoView({ behavior: "instant" });
            this.tell(location.hash);
        }

        // The first step of which some lines are in sight, unless the comparison begins there.
        first() {
            const bar = this.bar.getBoundingClientRect();
            if (bar.top > 0) return null;
            const rows = [...this.root.querySelectorAll(".compare-row.step")];
            return rows.find(row => row.getBoundingClientRect().bottom > bar.bottom + 60);
        }

        show() {
            const shown = this.shown();
            for (const { name } of this.styles) {
                this.root.classList.toggle(`without-${name}`, !shown.includes(name));
            }
            for (const button of this.buttons) {
                button.setAttribute("aria-pressed", shown.includes(button.dataset.column));
            }
            this.root.style.setProperty("--columns", shown.length);
        }

        // The columns that are seen, in their order.
        shown() {
            const names = this.styles.map(style => style.name);
            return narrow.matches ? [this.tab] : names.filter(name => this.chosen.has(name));
        }

        key(event) {
            const cell = event.target.closest(".compare-cell[data-step]");
            if (!cell || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            const columns = this.shown();
            const seen = this.cells.filter(other => columns.includes(other.dataset.style));
            const here = seen.indexOf(cell);
            const moves = {
                ArrowDown: columns.length,
                ArrowUp: -columns.length,
                ArrowRight: here % columns.length < columns.length - 1 ? 1 : 0,
                ArrowLeft: here % columns.length > 0 ? -1 : 0,
                Home: -Math.floor(here / columns.length) * columns.length,
                End: Math.floor((seen.length - 1 - here) / columns.length) * columns.length,
            };
            if (!(event.key in moves)) return;
            // mdBook would turn the page.
            event.stopPropagation();
            event.preventDefault();
            const next = seen[here + moves[event.key]];
            next?.focus({ preventScroll: true });
            next?.scrollIntoView({ block: "nearest", behavior: "instant" });
        }

        // Writes columns and step to the address, so that it can be passed on.
        tell(hash) {
            const names = this.styles.map(style => style.name).filter(name => this.chosen.has(name));
            const search = `${names}` === `${this.usual}` ? "" : `?columns=${names.join(",")}`;
            history.replaceState(null, "", location.pathname + search + hash);
        }
    }

    for (const root of document.querySelectorAll(".compare")) new Compare(root);
})();
