/* The form of a new trial: tells the server what was typed once the typing rests, and puts into the form what the server
   says. What was typed is kept for this tab alone until it is closed, without the name of whoever leads the trial. */
(function () {
  "use strict";
  var REST = 400; // ms without a key before the server is asked
  var KEY = "roadtest-draft";
  var PERSONAL = ["owner"];
  var timer = null;
  var last = { n: 0, values: {}, kept: null };

  function clientside() {
    return window.dash_clientside;
  }
  function form() {
    return document.getElementById("new-form");
  }
  function page() {
    return form() ? form().dataset.page : "";
  }
  function without(values, names) {
    var found = {};
    Object.keys(values).forEach(function (name) {
      if (names.indexOf(name) < 0) found[name] = values[name];
    });
    return found;
  }
  function collected(parts) {
    var values = {};
    (parts || []).forEach(function (part) {
      if (part.value !== undefined && part.value !== null && part.value !== "") values[part.id.field] = part.value;
    });
    return values;
  }
  function same(one, other) {
    var names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every(function (name) {
        return String(one[name]) === String(other[name]);
      })
    );
  }
  function keep() {
    try {
      window.sessionStorage.setItem(
        KEY,
        JSON.stringify({ values: without(last.values, PERSONAL), kept: last.kept ? without(last.kept, PERSONAL) : null })
      );
    } catch (error) {
      // A browser that keeps nothing still has the form as long as the page is open.
    }
  }
  function stored() {
    try {
      return JSON.parse(window.sessionStorage.getItem(KEY));
    } catch (error) {
      return null;
    }
  }
  function rows(what, values) {
    var row = 0;
    document.querySelectorAll(".new-row-" + what).forEach(function (place) {
      var number = Number(place.id.split("-").pop());
      var filled = Object.keys(values).some(function (name) {
        return name.indexOf(what + "-" + number + "-") === 0 && !name.endsWith("-kind") && !name.endsWith("-asks");
      });
      if (filled) row = Math.max(row, number + 1);
    });
    document.querySelectorAll(".new-row-" + what).forEach(function (place) {
      place.hidden = Number(place.id.split("-").pop()) > row;
    });
  }
  function arrange(values) {
    rows("partner", values);
    rows("criterion", values);
  }
  function send(values) {
    last = { n: last.n + 1, values: values, kept: last.kept };
    keep();
    clientside().set_props("new-draft", { data: { n: last.n, page: page(), from: "typed", values: values, kept: last.kept } });
  }
  function put(fields, values) {
    fields.forEach(function (part) {
      var value = values[part.id.field];
      var wanted = value === undefined || value === null ? (part.value === null ? null : "") : value;
      if (String(part.value === undefined || part.value === null ? "" : part.value) !== String(wanted === null ? "" : wanted)) {
        clientside().set_props(part.id, { value: wanted });
      }
    });
    arrange(values);
  }

  function stale(data) {
    return !data || data.n < last.n;
  }
  function unchanged(outputs) {
    return outputs.map(function (part) {
      return Array.isArray(part)
        ? part.map(function () {
            return clientside().no_update;
          })
        : clientside().no_update;
    });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    draft: {
      /* Every answer of the form, whenever one changes. */
      typed: function () {
        var values = collected(clientside().callback_context.inputs_list[0]);
        if (!form() || form().dataset.poured !== "1") return clientside().no_update;
        arrange(values);
        clearTimeout(timer);
        timer = same(values, last.values)
          ? null
          : setTimeout(function () {
              send(values);
            }, REST);
        return clientside().no_update;
      },
      /* The first time: what was typed before the page was loaded anew. Later: what the server put into the draft. */
      poured: function (draft) {
        var fields = clientside().callback_context.states_list[0];
        var now = collected(fields);
        if (form().dataset.poured !== "1") {
          form().dataset.poured = "1";
          var before = stored();
          last = { n: 0, values: now, kept: null };
          arrange(now);
          if (before) {
            var values = Object.assign({}, before.values);
            PERSONAL.forEach(function (name) {
              if (now[name] !== undefined) values[name] = now[name];
            });
            last.kept = before.kept;
            put(fields, values);
            send(values);
          }
        } else if (draft && draft.from === "server") {
          clearTimeout(timer);
          last = { n: Math.max(last.n, draft.n), values: draft.values, kept: draft.kept };
          put(fields, draft.values);
          keep();
        }
        return clientside().no_update;
      },
      /* The server's answers; one to an older draft than was sent since changes nothing. */
      said: function (data) {
        var outputs = clientside().callback_context.outputs_list;
        if (stale(data)) return unchanged(outputs);
        var errors = outputs[0].map(function (part) {
          return data.errors[part.id.field] || null;
        });
        var waits = data.plan && data.plan.content ? "new-sim new-waits" : "new-sim";
        return [errors, data.gate, data.bar, data.named, data.yaml, data.plan, waits];
      },
      found: function (data) {
        return stale(data) ? unchanged(clientside().callback_context.outputs_list) : [data.drawn, "new-sim", data.more];
      },
      near: function (data) {
        return stale(data) ? clientside().no_update : data.drawn;
      },
      /* Which questions are shown. */
      states: function (kind, purpose, against) {
        var compared = against === "benchmark" ? "" : " is-compared";
        return "new-form is-" + (kind || "binary") + " is-" + (purpose || "effect") + compared;
      },
      /* The plan as text follows the form, but never under somebody's hands, nor over an edit that can't be read yet. */
      written: function (text, now, fault) {
        var focused = document.activeElement && document.activeElement.id === "new-yaml";
        if (!focused && !fault && text !== now) clientside().set_props("new-yaml", { value: text });
        return clientside().no_update;
      },
      edited: function (text, written) {
        if (!text || text === written) return clientside().no_update;
        return { text: text, n: last.n + 1 };
      },
      undone: function (clicks, written) {
        if (clicks) clientside().set_props("new-yaml", { value: written, error: null });
        return clientside().no_update;
      },
    },
  });
})();
