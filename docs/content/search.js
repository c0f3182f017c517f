// The search box: over what fsdocs writes of all pages. It comes as a script (tools/docs.sh makes it so), since a browser does not let a page that was opened
// from a disk read a file, but lets it run one. Without it the box stays hidden.
(() => {
    const root = document.documentElement.dataset.root;
    const box = document.getElementById("search");
    const field = box.querySelector("input");
    const list = box.querySelector("ul");
    const most = 12;

    // Words in the title weigh most, then headings, then the text; a page must hold every word.
    const score = (page, words) => {
        let sum = 0;
        for (const word of words) {
            const points = (page.title.includes(word) ? 100 / (1 + page.title.length / 40) : 0)
                + (page.headings.includes(word) ? 10 : 0)
                + (page.content.includes(word) ? 1 : 0);
            if (points === 0) return 0;
            sum += points;
        }
        return sum;
    };

    const item = page => {
        const link = document.createElement("a");
        link.href = root + page.uri;
        link.textContent = page.shown;
        const row = document.createElement("li");
        row.append(link);
        return row;
    };

    const show = pages => {
        const words = field.value.toLowerCase().split(/\s+/).filter(word => word.length > 1);
        const found = words.length === 0 ? [] : pages
            .map(page => [score(page, words), page])
            .filter(([points]) => points > 0)
            .sort(([a], [b]) => b - a)
            .slice(0, most);
        list.replaceChildren(...found.map(([, page]) => item(page)));
        if (words.length > 0 && found.length === 0) list.textContent = "Nothing found.";
    };

    const lowered = page => ({
        shown: page.title,
        uri: page.uri,
        title: page.title.toLowerCase(),
        headings: (page.headings || []).join(" ").toLowerCase(),
        content: (page.content || "").toLowerCase()
    });

    const index = document.createElement("script");
    index.src = root + "index.js";
    index.addEventListener("load", () => {
        const pages = window.condembedPages.map(lowered);
        box.hidden = false;
        field.addEventListener("input", () => show(pages));
        document.addEventListener("keydown", pressed => {
            if (pressed.key === "/" && document.activeElement !== field) {
                pressed.preventDefault();
                field.focus();
            } else if (pressed.key === "Escape") {
                field.value = "";
                show(pages);
                field.blur();
            }
        });
    });
    document.head.append(index);
})();

// On a phone a row of a wide table stands as a block (site.css), each cell named by its column.
for (const table of document.querySelectorAll("main table:not(.pre)")) {
    const columns = [...table.querySelectorAll("thead th")].map(head => head.textContent.trim());
    if (columns.length < 3) continue;
    table.classList.add("stacked");
    for (const row of table.querySelectorAll("tbody tr")) {
        [...row.cells].forEach((cell, place) => {
            if (place > 0 && columns[place]) cell.dataset.column = columns[place];
        });
    }
}
