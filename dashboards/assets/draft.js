/* The form of a new trial: tells the server what was typed once the typing rests, and puts into the form what the server
   says. What was typed is kept for this tab alone until it is closed, without the name of whoever leads the trial. */
(function () {
  "use strict";
  var REST = 400; // ms without a key before the server is asked
  var KEY = "roadtest-draft";
  var PERSONAL = ["owner"];
  var timer = null;
  var last = { n: 0, values: {}, kept: null };
  var RETRY = 1500; // ms between two tries to reach the server again
  var ASKING = "Asking again ...";
  var LOST = "Can't be asked now: the server can't be reached. What stands here is for other numbers.";
  var FAILED = "Can't be answered: the server failed at it. What stands here is for other numbers.";
  var UNREGISTERED =
    "No answer came from the server, so it isn't known whether this plan was registered. What you typed is still here: " +
    "press Register again when the server can be reached.";
  var now = {}; // what stands in the form
  var answered = -1; // the newest draft whose answer is shown; -1: none yet
  var trouble = ""; // why no answer comes; empty while one is on its way
  var retry = null;
  var refused = {}; // why what was pasted into a field can't stand, until something else is put there

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
    now = values;
    if (trouble === FAILED) trouble = "";
    mark();
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

  /* The answers are marked from the moment on in which the form differs from what they are for. */
  function mark() {
    var place = document.getElementById("new-answers");
    var line = document.getElementById("new-behind");
    if (!place || !line) return;
    var behind = answered < last.n || !same(now, last.values);
    var words = !behind ? "" : trouble || ASKING;
    place.classList.toggle("is-behind", behind);
    if (line.textContent !== words) line.textContent = words;
  }
  function lose() {
    trouble = LOST;
    if (answered >= last.n) answered = last.n - 1; // what else hangs on this draft may not have come either
    mark();
    clearTimeout(retry);
    retry = setTimeout(reach, RETRY);
  }
  async function reach() {
    if (!form()) return;
    try {
      var token = await plainly("/live/token", { cache: "no-store", referrerPolicy: "no-referrer" });
      if (!token.ok) throw new Error(token.status);
    } catch (error) {
      retry = setTimeout(reach, RETRY);
      return;
    }
    trouble = "";
    clearTimeout(timer);
    send(now);
  }
  function unregistered() {
    clientside().set_props("new-outcome", {
      children: { namespace: "dash_html_components", type: "P", props: { className: "outcome-refused", children: UNREGISTERED } }
    });
  }
  /* Dash says nothing on the page when a request of it fails. */
  var plainly = window.fetch;
  window.fetch = async function (address, options) {
    var asked = form() && String(address).indexOf("_dash-update-component") >= 0 ? String((options || {}).body || "") : "";
    try {
      var answer = await plainly.apply(window, arguments);
    } catch (error) {
      if (asked.indexOf('"new-') >= 0) lose();
      if (asked.indexOf("new-outcome.children") >= 0) unregistered();
      throw error;
    }
    if (asked && answer.status >= 500) {
      if (asked.indexOf("new-outcome.children") >= 0) unregistered();
      if (answer.status > 501 && asked.indexOf('"new-') >= 0) lose();
      else if (asked.indexOf('"new-said.data"') >= 0) {
        trouble = FAILED;
        mark();
      }
    }
    return answer;
  };

  /* What is put into a number field at once, as by pasting: a comma before decimals becomes a point; what can be read in
     two ways, or not at all, is refused in a sentence. The field itself would drop the signs that it doesn't know. */
  function read(said, whole) {
    var text = said.trim().replace(/(\d)[\s']+(?=\d{3}(?!\d))/g, "$1");
    if (/^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) {
      var sure = whole || /,.*[,.]/.test(text);
      if (sure) text = text.replace(/,/g, "");
      else if (!/^-?0,/.test(text)) return { why: "can be read in two ways, must be written without a comma." };
    }
    text = text.replace(",", ".");
    if (!/^-?(\d{1,15}(\.\d*)?|\.\d+)$/.test(text)) return { why: "must be a number in digits, such as 12 or 29.5." };
    if (whole && text.indexOf(".") >= 0) return { why: "must be a whole number." };
    return { text: text };
  }
  function pasted(event) {
    var field = event.target;
    var whole = field.classList && field.classList.contains("new-whole");
    if (!whole && !(field.classList && field.classList.contains("new-decimal"))) return;
    var typed = event.inputType === "insertText" && (event.data || "").length === 1;
    var said = field.value;
    var id = JSON.parse(field.id);
    delete refused[id.field];
    if (typed || /^(delete|history)/.test(event.inputType || "") || said === "" || /^-?\d{1,15}$/.test(said)) return;
    var found = read(said, whole);
    var put = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
    put.call(field, found.text || ""); // before React reads it
    if (found.why) {
      refused[id.field] = "“" + said.slice(0, 40) + "” " + found.why;
      setTimeout(function () {
        clientside().set_props(id, { error: refused[id.field] || null });
      }, 0);
    }
  }
  window.addEventListener("input", pasted, true);

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
        now = values;
        mark();
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
        var stands = collected(fields);
        if (form().dataset.poured !== "1") {
          form().dataset.poured = "1";
          var before = stored();
          last = { n: 0, values: stands, kept: null };
          now = stands;
          answered = -1;
          trouble = "";
          arrange(stands);
          if (before) {
            var values = Object.assign({}, before.values);
            PERSONAL.forEach(function (name) {
              if (stands[name] !== undefined) values[name] = stands[name];
            });
            last.kept = before.kept;
            put(fields, values);
            send(values);
          }
        } else if (draft && draft.from === "server") {
          clearTimeout(timer);
          last = { n: Math.max(last.n, draft.n), values: draft.values, kept: draft.kept };
          now = collected(fields);
          put(fields, draft.values);
          mark();
          keep();
        }
        return clientside().no_update;
      },
      /* The server's answers; one to an older draft than was sent since changes nothing. */
      said: function (data) {
        var outputs = clientside().callback_context.outputs_list;
        if (stale(data)) return unchanged(outputs);
        answered = data.n;
        trouble = "";
        mark();
        var errors = outputs[0].map(function (part) {
          return refused[part.id.field] || data.errors[part.id.field] || null;
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
