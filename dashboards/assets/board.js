/* The board in the browser: which rows the reader asked for, in which order and groups, as the grid's rows or a phone's list.
   Nothing here is sent; every number in a row is the server's. */
(function () {
  "use strict";
  var ROW = 124, HEADING = 44, HEADER = 48, UNSCROLLED = 40, SCROLLED = 760; // as in board/grid.py
  var PAGE = 30; // of the list
  var FILTERS = ["verdict", "stage", "site", "programme", "partner"];
  var STAGES = ["Idea", "Proof of concept", "Pilot", "Scale"];
  var wide = window.matchMedia("(min-width: 1220px)"); // as in boot.js
  var rows = new Map(); // what the server told, by trial
  var data, changes; // what of it was taken in
  var pages = 1, asked = "";

  function plain(text) {
    return String(text || "").normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  }

  /* What a row is found by and shows of places: made once, when the row arrives. */
  function keep(row) {
    row.found_by = plain(
      [row.name, row.id, row.programme, row.sites.join(" "), row.partners.join(" "), row.owner, row.word, row.sentence].join(" ")
    );
    row.where_all = row.sites.join(", ");
    row.where = row.sites.length > 2 ? row.sites.length + " sites: " + row.where_all : row.where_all;
    rows.set(row.id, row);
  }

  function takeIn(newData, newChanges) {
    if (newData !== data) {
      data = newData;
      rows = new Map();
      (data || []).forEach(keep);
      changes = newChanges;
      pages = 1;
    } else if (newChanges !== changes) {
      changes = newChanges;
      if (!changes) return;
      changes.rows.forEach(keep);
      changes.gone.forEach(function (id) {
        rows.delete(id);
      });
    }
  }

  function values(row, filter) {
    if (filter === "site") return row.sites;
    if (filter === "partner") return row.partners;
    if (filter === "programme") return row.programme ? [row.programme] : [];
    return [filter === "stage" ? row.stage : row.word];
  }

  function fits(row, wanted) {
    return (
      wanted.words.every(function (word) {
        return row.found_by.indexOf(word) >= 0;
      }) &&
      FILTERS.every(function (filter) {
        var chosen = wanted.chosen[filter];
        return (
          !chosen.length ||
          values(row, filter).some(function (value) {
            return chosen.indexOf(value) >= 0;
          })
        );
      })
    );
  }

  function compare(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
  }
  function pressing(a, b) {
    return a.urgency - b.urgency || compare(a.name.toLowerCase(), b.name.toLowerCase()) || compare(a.id, b.id);
  }
  var SORTS = {
    name: function (a, b) { return compare(a.name.toLowerCase(), b.name.toLowerCase()); },
    fresh: function (a, b) { return compare(b.as_of_sort, a.as_of_sort); },
    next: function (a, b) { return compare(a.next_sort, b.next_sort); },
    promote: function (a, b) { return b.lean - a.lean; },
    drop: function (a, b) { return a.lean - b.lean; },
    people: function (a, b) { return b.people_share - a.people_share; }
  };

  function plural(count) {
    return count.toLocaleString("en-GB") + (count === 1 ? " trial" : " trials");
  }

  /* The rows under a heading for each group; a trial of two sites stands under both. */
  function grouped(found, by) {
    var names = new Map();
    found.forEach(function (row) {
      var mine = values(row, by);
      (mine.length ? mine : [""]).forEach(function (name) {
        if (!names.has(name)) names.set(name, []);
        names.get(name).push(row);
      });
    });
    var order = [...names.keys()].sort(function (a, b) {
      if (!a || !b) return a ? -1 : 1;
      return by === "stage" ? STAGES.indexOf(a) - STAGES.indexOf(b) : compare(a.toLowerCase(), b.toLowerCase());
    });
    var shown = [];
    var seen = new Set();
    order.forEach(function (name, group) {
      shown.push({ id: "group: " + name, heading: name || "No " + by + " named", counted: plural(names.get(name).length), group: group });
      names.get(name).forEach(function (row) {
        shown.push(Object.assign({}, row, { group: group, id: seen.has(row.id) ? row.id + " in " + name : row.id }));
        seen.add(row.id);
      });
    });
    return shown;
  }

  /* The address says what is asked for, so that a link leads to the same view and 'back' finds it again. */
  function remember(wanted) {
    if (window.location.pathname !== "/") return;
    var query = new URLSearchParams();
    if (wanted.search) query.set("q", wanted.search);
    FILTERS.forEach(function (filter) {
      wanted.chosen[filter].forEach(function (value) {
        query.append(filter, value);
      });
    });
    if (wanted.group) query.set("group", wanted.group);
    if (wanted.sort) query.set("sort", wanted.sort);
    var text = query.toString();
    var now = text ? "?" + text : "";
    if (now !== window.location.search) window.history.replaceState(window.history.state, "", window.location.pathname + now);
  }

  /* One picture a row: how far the evidence has come towards drop (left) and promote (right), each end its threshold; under
     it, thin, towards harm. make: React's createElement, or `el` below. */
  function balance(row, make) {
    function side(name, share) {
      return make(
        "span",
        { key: name, className: "balance-side balance-" + name + (share >= 1 ? " reached" : "") },
        make("span", { style: { width: Math.round(share * 100) + "%" } })
      );
    }
    var told = row.balance;
    return make(
      "span",
      { className: "balance" + (told.harm >= 1 ? " harmful" : ""), role: "img", "aria-label": told.said, title: told.said },
      side("drop", told.drop),
      side("promote", told.promote),
      side("harm", told.harm)
    );
  }

  /* A Dash component as the browser's callbacks return them. */
  function el(type, props) {
    var given = Object.assign({}, props);
    delete given.key;
    var children = [].slice.call(arguments, 2).filter(Boolean);
    if (children.length) given.children = children.length === 1 ? children[0] : children;
    var name = type.charAt(0).toUpperCase() + type.slice(1);
    return { type: name, namespace: "dash_html_components", props: given };
  }
  function icon(name) {
    return el("span", { className: "icon icon-" + name, "aria-hidden": "true" });
  }
  function badge(text, kind) {
    return el("span", { className: "badge badge-" + kind }, text);
  }

  function item(row) {
    if (row.heading)
      return el("li", { className: "group-row" }, el("h3", {}, row.heading), el("span", { className: "quiet" }, row.counted));
    var pill = row.fault
      ? el("span", { className: "badge badge-warn" }, icon("warn"), "not shown")
      : el("span", { className: "pill tone-" + row.tone }, icon(row.tone), el("span", {}, row.word));
    var badges = [el("span", { className: "badge badge-label", title: row.label_means }, row.label)].concat(
      row.badges.map(function (text) { return badge(text, "simulated"); }),
      row.closed ? [] : row.marks.map(function (text) { return badge(text, "mark"); }),
      row.stale ? [el("span", { className: "badge badge-warn" }, icon("stale"), "no news")] : []
    );
    var seen = row.as_of_sort
      ? [row.people + " of " + row.planned + " " + row.units, "as of " + row.as_of]
      : ["no results yet", row.planned + " " + row.units + " planned"];
    var facts = [row.where, row.programme, row.stage].concat(seen, "next look: " + row.next).filter(Boolean);
    return el(
      "li",
      { "data-trial": row.id },
      el("div", { className: "item-head" }, el("a", { href: row.href, "data-inside": "1" }, row.name), pill),
      el.apply(null, ["p", { className: "badges" }].concat(badges)),
      row.decided ? el("p", { className: "item-decided" }, row.decided) : null,
      el("p", {}, row.sentence),
      el("div", { className: "item-balance" }, balance(row, el), el("span", { className: "quiet" }, row.furthest)),
      el("p", { className: "item-facts" }, facts.join(" · "))
    );
  }

  function height(shown) {
    var headings = shown.filter(function (row) { return row.heading; }).length;
    var whole = HEADER + 2 + headings * HEADING + (shown.length - headings) * ROW;
    return { height: (shown.length <= UNSCROLLED ? whole : SCROLLED) + "px", width: "100%" };
  }

  function wantedOf(search, group, sort, chosen) {
    var named = {};
    FILTERS.forEach(function (filter, place) {
      named[filter] = chosen[place] || [];
    });
    return {
      search: (search || "").trim(),
      words: plain(search).split(/\s+/).filter(Boolean),
      group: group === "none" ? "" : group || "",
      sort: sort === "none" ? "" : sort || "",
      chosen: named
    };
  }

  var clientside = (window.dash_clientside = window.dash_clientside || {});
  clientside.board = {
    show: function (newData, newChanges, _, more, search, group, sort) {
      takeIn(newData, newChanges);
      var wanted = wantedOf(search, group, sort, [].slice.call(arguments, 7));
      var now = JSON.stringify(wanted);
      if (now !== asked) pages = 1;
      else if (window.dash_clientside.callback_context.triggered.some(function (each) { return each.prop_id === "board-more.n_clicks"; })) pages += 1;
      asked = now;
      remember(wanted);
      var found = [...rows.values()].filter(function (row) { return fits(row, wanted); }).sort(pressing);
      if (SORTS[wanted.sort]) found.sort(SORTS[wanted.sort]);
      var shown = wanted.group ? grouped(found, wanted.group) : found;
      var on = FILTERS.filter(function (filter) { return wanted.chosen[filter].length; }).length;
      var all = rows.size;
      return [
        wide.matches ? shown : [],
        height(shown),
        height(shown),
        wide.matches ? [] : shown.slice(0, PAGE * pages).map(item),
        wide.matches || shown.length <= PAGE * pages,
        found.length === all ? plural(all) + "." : found.length.toLocaleString("en-GB") + " of " + plural(all) + " fit.",
        on ? "Filter (" + on + " on)" : "Filter",
        all === 0,
        all === 0 || found.length > 0,
        found.length === 0
      ];
    },
    clear: function () {
      return [""].concat(FILTERS.map(function () { return []; }));
    }
  };
  window.roadtestBoard = { HEADING: HEADING, balance: balance };

  wide.addEventListener("change", function () {
    if (document.getElementById("board-grid")) window.dash_clientside.set_props("board-wide", { data: wide.matches });
  });

  /* A heading leads nowhere: keys that open a trial do nothing on it. Heard before places.js, which follows a row's link. */
  document.addEventListener(
    "keydown",
    function (event) {
      var row = event.target.closest && event.target.closest("#board-grid .ag-row");
      if (row && !row.querySelector("a[data-inside]") && (event.key === "Enter" || event.key === " ")) event.stopImmediatePropagation();
    },
    true
  );
})();
