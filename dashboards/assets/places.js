/* Where the reader is: links and keys of the grid, focus after a link was followed, verdicts told as they change. */
(function () {
  "use strict";
  var GRID = "#board-grid";
  var path = window.location.pathname;
  var left = null; // the headline of the page that was left, until the next one has arrived
  var shown = null; // which trial page shows which verdict

  /* Buttons that change something without a form: signing out, putting a link away. The page's token goes with them. */
  function token() {
    var config = JSON.parse(document.getElementById("_dash-config").textContent);
    var found = document.cookie.split("; ").find(function (each) {
      return each.startsWith(config.csrf_token_name + "=");
    });
    return found ? found.slice(config.csrf_token_name.length + 1) : "";
  }
  document.addEventListener("click", async function (event) {
    var button = event.target.closest && event.target.closest("button[data-post]");
    if (!button) return;
    button.disabled = true;
    var answer = await fetch(button.dataset.post, { method: "POST", headers: { "X-CSRFToken": token() } });
    window.location.assign(answer.ok ? answer.url : "/");
  });

  function headline() {
    return document.querySelector("main h1");
  }

  /* Links inside the grid change the page without loading it anew, as Dash's own links do. */
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-inside]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    window.history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  });

  /* Enter or space anywhere in a row follows its link. Caught before AG Grid, to which a space means selecting. */
  document.addEventListener(
    "keydown",
    function (event) {
      var row = event.target.closest && event.target.closest(GRID + " .ag-row");
      if (!row || (event.key !== "Enter" && event.key !== " ")) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      row.querySelector("a[data-inside]").click();
    },
    true
  );

  function leave() {
    if (window.location.pathname === path) return; // a place on the same page
    path = window.location.pathname;
    var old = headline();
    left = { node: old, text: old && old.textContent };
  }
  window.addEventListener("_dashprivate_pushstate", leave);
  window.addEventListener("popstate", leave);

  function arrive() {
    var now = headline();
    if (!left || !now || (now === left.node && now.textContent === left.text)) return;
    left = null;
    now.tabIndex = -1;
    now.focus({ preventScroll: true });
  }

  function tell() {
    var mark = document.getElementById("live-mark");
    var word = document.querySelector("main .verdict-word");
    var now = mark && word ? { page: mark.dataset.url, word: word.textContent } : null;
    var before = shown;
    shown = now;
    if (!now || !before || now.page !== before.page || now.word === before.word) return;
    var name = headline().firstChild.textContent; // what follows in the headline are marks
    window.dash_clientside.set_props("announce", { children: name + ": " + now.word + "." });
    document.title = document.title.replace(" - " + before.word + " - ", " - " + now.word + " - ");
  }

  /* Which page of the navigation this is: pages about one trial belong to the board, or to the data. */
  function here() {
    var at = window.location.pathname;
    var none = document.querySelector("main .no-access"); // it is none of theirs
    document.querySelectorAll(".side nav a").forEach(function (link) {
      var to = link.getAttribute("href");
      var inside = to === "/" ? /^\/(trial|decide|seal)\//.test(at) : at.indexOf(to + "/") === 0;
      var said = none ? null : at === to ? "page" : inside ? "true" : null;
      if (link.getAttribute("aria-current") === said) return;
      if (said) link.setAttribute("aria-current", said);
      else link.removeAttribute("aria-current");
    });
  }

  new MutationObserver(function () {
    here();
    arrive();
    tell();
  }).observe(document.documentElement, { childList: true, characterData: true, subtree: true });
})();
