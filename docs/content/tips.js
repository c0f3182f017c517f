// What the compiler knows of a word of code, shown beside it: fsdocs writes each such tip into the page as a popover.
(() => {
    const tipOf = element => document.getElementById(element.dataset.fsdocsTip);

    const show = element => {
        const tip = tipOf(element);
        if (!tip || tip.matches(":popover-open")) return;
        tip.showPopover();
        const word = element.getBoundingClientRect();
        const box = tip.getBoundingClientRect();
        const fits = word.bottom + 6 + box.height < innerHeight;
        tip.style.top = `${fits ? word.bottom + 6 : Math.max(0, word.top - box.height - 6)}px`;
        tip.style.left = `${Math.max(8, Math.min(word.left, innerWidth - box.width - 8))}px`;
    };

    const hide = element => {
        const tip = tipOf(element);
        if (tip && tip.matches(":popover-open")) tip.hidePopover();
    };

    const worded = happened => happened.target.closest("[data-fsdocs-tip]");
    document.addEventListener("mouseover", moved => { const word = worded(moved); if (word) show(word); });
    document.addEventListener("mouseout", moved => {
        const word = worded(moved);
        if (word && !word.contains(moved.relatedTarget)) hide(word);
    });
})();
