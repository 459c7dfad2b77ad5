/* The portfolio grid's cells: functions of the row that the server made; they compute nothing of their own. */
(function () {
  "use strict";
  var cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  var REACH = 4; // worthwhile effects either way, as in the read model
  var WIDTH = 142;
  var STAGES = ["Idea", "Proof of concept", "Pilot", "Scale"];

  function h() {
    return React.createElement.apply(React, arguments);
  }
  function icon(name) {
    return h("span", { className: "icon icon-" + name, "aria-hidden": true });
  }
  function bar(share, tone) {
    return h(
      "span",
      { className: "meter " + tone, "aria-hidden": true },
      h("span", { style: { width: Math.round(share * 100) + "%" } })
    );
  }
  function x(value) {
    return ((Math.min(Math.max(value, -REACH), REACH) + REACH) / (2 * REACH)) * WIDTH;
  }
  function tone(row) {
    return "tone-" + (row.tone || row.standing);
  }

  function stage(word) {
    var at = STAGES.indexOf(word);
    var steps = STAGES.map(function (name, index) {
      return h("i", { key: name, className: index <= at ? "done" : "" });
    });
    return h("span", { className: "stage" }, h("span", { className: "steps", "aria-hidden": true }, steps), word);
  }

  var grid = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

  grid.sameCell = function () {
    return false;
  };
  grid.isHeading = function (params) {
    return !!(params.rowNode.data && params.rowNode.data.heading);
  };
  grid.rowHeight = function (params) {
    return params.data && params.data.heading ? window.roadtestBoard.HEADING : null;
  };

  /* A sorted column sorts inside each group, under its heading. AG Grid wants the list changed in place. */
  grid.inGroups = function (params) {
    if (!params.nodes.length || params.nodes[0].data.group === undefined) return;
    params.nodes.sort(function (a, b) {
      return a.data.group - b.data.group || (b.data.heading ? 1 : 0) - (a.data.heading ? 1 : 0);
    });
  };

  /* The grid is two stops for the tab key, header and rows; inside them the arrow keys lead on. */
  grid.fromHeader = function (params) {
    if (params.backwards) return false;
    return { headerRowIndex: -1, column: params.previousHeaderPosition.column };
  };
  grid.fromCell = function () {
    return false;
  };

  cells.HeadingRow = function (props) {
    return h(
      "div",
      { className: "group-row", role: "gridcell" },
      h("strong", null, props.data.heading),
      h("span", { className: "quiet" }, props.data.counted)
    );
  };

  cells.TrialCell = function (props) {
    var row = props.data;
    return h(
      "div",
      { className: "cell" },
      h("a", { href: row.href, "data-inside": "1", className: "trial-link", tabIndex: -1 }, row.name),
      stage(row.stage),
      row.where ? h("span", { className: "quiet one-line", title: row.where_all }, row.where) : null,
      h(
        "span",
        { className: "badges" },
        row.badges.map(function (text) {
          return h("span", { key: text, className: "badge badge-simulated" }, text);
        }),
        row.stale ? h("span", { className: "badge badge-warn" }, icon("stale"), "no news") : null
      )
    );
  };

  cells.VerdictCell = function (props) {
    var row = props.data;
    if (row.fault) return h("span", { className: "badge badge-warn" }, icon("warn"), "not shown");
    return h(
      "div",
      { className: "cell" },
      h("span", { className: "pill " + tone(row) }, icon(row.tone || row.standing), h("span", null, row.standing_word)),
      // When a closed trial was decided on stands in its sentence.
      row.marks.slice(row.closed ? 1 : 0).map(function (text) {
        return h("span", { key: text, className: "badge badge-mark" }, text);
      })
    );
  };

  cells.SentenceCell = function (props) {
    var row = props.data;
    return h(
      "div",
      { className: "cell" },
      h("span", { className: "badge badge-label", title: row.label_means }, row.label),
      h("span", { className: "sentence-cell", title: (row.decided ? row.decided + " " : "") + row.sentence }, row.decided || row.in_short)
    );
  };

  cells.BalanceHeader = function () {
    return h(
      "div",
      { className: "balance-header" },
      h("span", null, "Evidence"),
      h("span", { className: "balance-ends", "aria-hidden": true }, h("i", null, "\u2190 drop"), h("i", null, "promote \u2192"))
    );
  };

  cells.BalanceCell = function (props) {
    var row = props.data;
    return h(
      "div",
      { className: "cell" },
      window.roadtestBoard.balance(row, h),
      h("span", { className: "quiet tabular" }, row.furthest)
    );
  };

  cells.EffectHeader = function () {
    function tick(value, text) {
      return h("text", { x: x(value), y: 40, textAnchor: "middle", className: "forest-tick" }, text);
    }
    return h(
      "div",
      { className: "effect-header" },
      h("span", null, "Effect"),
      h(
        "svg",
        { width: WIDTH, height: 16, viewBox: "0 28 " + WIDTH + " 16", "aria-hidden": true },
        tick(-2.6, "\u2190 worse"),
        tick(0, "0"),
        tick(2.2, "worthwhile")
      )
    );
  };

  cells.EffectCell = function (props) {
    var row = props.data;
    var forest = row.forest;
    var parts = [
      h("rect", { key: "w", x: x(1), y: 1, width: WIDTH - x(1), height: 32, className: "forest-worth" }),
      h("line", { key: "0", x1: x(0), x2: x(0), y1: 1, y2: 33, className: "forest-zero" }),
      h("line", { key: "1", x1: x(1), x2: x(1), y1: 1, y2: 33, className: "forest-edge" })
    ];
    if (forest.low !== null || forest.high !== null) {
      var low = forest.low === null ? -REACH : forest.low;
      var high = forest.high === null ? REACH : forest.high;
      parts.push(h("line", { key: "r", x1: x(low), x2: x(high), y1: 17, y2: 17, className: "forest-range" }));
      if (low < -REACH || forest.low === null) parts.push(h("path", { key: "a", d: "M6 12 L1 17 L6 22", className: "forest-arrow" }));
      if (high > REACH || forest.high === null)
        parts.push(h("path", { key: "b", d: "M" + (WIDTH - 6) + " 12 l5 5 l-5 5", className: "forest-arrow" }));
    }
    if (forest.estimate !== null)
      parts.push(h("circle", { key: "e", cx: x(forest.estimate), cy: 17, r: 5, className: "forest-dot" }));
    return h(
      "div",
      { className: "cell " + tone(row) + " bare" },
      h(
        "svg",
        { width: WIDTH, height: 34, role: "img", "aria-label": row.effect + (row.plausible ? ", " + row.plausible : "") },
        parts
      ),
      h("span", { className: "effect-word" }, row.effect)
    );
  };

  /* One claim's bar, for the page that explains the pictures. */
  cells.PeopleCell = function (props) {
    var row = props.data;
    return h(
      "div",
      { className: "cell" },
      h("span", { className: "tabular" }, row.people, h("span", { className: "quiet" }, " of " + row.planned)),
      bar(row.people_share, "plain")
    );
  };

  cells.FreshHeader = function () {
    return h("div", { className: "balance-header" }, h("span", null, "Fresh as of"), h("span", { className: "forest-next" }, "next look"));
  };

  cells.FreshCell = function (props) {
    var row = props.data;
    return h(
      "div",
      { className: "cell" },
      h("span", { className: "tabular" }, row.as_of),
      h("span", { className: row.late ? "late" : "quiet" }, row.late ? icon("stale") : null, "next: " + row.next)
    );
  };
})();
