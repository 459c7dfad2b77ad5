/* Runs before the page is drawn: puts the reader's colour scheme on the root element, and scheme and widths into
   cookies, from which the server draws charts and board. Nothing else is stored. */
(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var phone = window.matchMedia("(max-width: 720px)");
  var list = window.matchMedia("(max-width: 1219px)"); // as in pages.css

  function read(name) {
    var found = document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)"));
    return found ? found[1] : null;
  }
  function write(name, value) {
    document.cookie = name + "=" + value + "; path=/; max-age=31536000; SameSite=Lax";
  }
  function stored() {
    return read("scheme") + read("narrow") + read("listed");
  }
  function apply() {
    var chosen = read("chosen");
    var scheme = chosen || (dark.matches ? "dark" : "light");
    var before = stored();
    write("scheme", scheme);
    write("narrow", phone.matches ? "1" : "0");
    write("listed", list.matches ? "1" : "0");
    document.documentElement.dataset.scheme = scheme;
    return before !== stored();
  }
  function redraw() {
    if (apply()) window.dispatchEvent(new Event("roadtest:redraw"));
  }

  apply();
  dark.addEventListener("change", redraw);
  phone.addEventListener("change", redraw);
  list.addEventListener("change", redraw);
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("#scheme")) return;
    write("chosen", document.documentElement.dataset.scheme === "dark" ? "light" : "dark");
    redraw();
  });
})();
