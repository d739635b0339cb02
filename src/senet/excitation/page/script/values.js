// A gate's values as the page shows them: by channel, of one branch or the last less the first, or by position.

const isMap = gate => gate.kind === "positions" && gate.shape.length === 2;
const isBranches = gate => gate.kind === "branches" && gate.shape.length === 2;
const size = gate => gate.shape.reduce((product, length) => product * length, 1);
const width = gate => isBranches(gate) ? gate.shape[1] : size(gate);
const isDifference = () => isBranches(now()) && state.branch === "difference";
const noun = gate => isMap(gate) ? "position" : "channel";

// Where a channel of the chosen branch lies among the gate's values; of a difference, in the last branch.
function index(gate, channel) {
  if (!isBranches(gate)) return channel;
  return (state.branch === "difference" ? gate.shape[0] - 1 : state.branch) * gate.shape[1] + channel;
}

const minus = (a, b) => known(a) && known(b) ? a - b : null;

function at(gate, row, channel) {
  const value = row?.[index(gate, channel)] ?? null;
  return isDifference() ? minus(value, row?.[channel]) : value;
}

const mean = (gate, group, channel) => at(gate, gate.profiles[group].mean, channel);
// A difference of branches has a mean that follows from theirs; its deviation and quantiles do not.
const deviation = (gate, group, channel) => isDifference() ? null : at(gate, gate.profiles[group].deviation, channel);
const quantile = (gate, group, which, channel) =>
  isDifference() ? null : at(gate, gate.profiles[group].quantiles[which], channel);
const hasQuantiles = gate => gate.profiles.some(profile => profile.quantiles.length);

const SHOWN = 50;
function sampled(gate) {
  const all = width(gate);
  const count = state.every ? all : Math.min(all, SHOWN);
  const channels = Array.from({length: count}, (_, n) => Math.floor(n * all / count));
  if (state.order === "number") return channels;
  const whole = new Map(channels.map(channel => [channel, mean(gate, 0, channel) ?? -Infinity]));
  return channels.sort((a, b) => whole.get(b) - whole.get(a) || a - b);
}

// The least and the most of what is known.
const span = values => values.filter(known)
  .reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);

// The ends of the vertical axis: the gate's range where it has one and the reader does not want a closer look.
function ends(gate, values) {
  const [low, high] = isDifference()
    ? [minus(gate.low, gate.high), minus(gate.high, gate.low)] : [gate.low, gate.high];
  if (!state.fit && known(low) && known(high)) return [low, high];
  const [least, most] = span(values);
  if (least > most) return [0, 1];
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  return [least - room, most + room];
}

// The value to begin with: where classes differ most, since that is what the page is about.
function telling(gate) {
  const groups = [...found.groups.keys()].filter(group => group && found.groups[group].images);
  const channels = isMap(gate) ? [...Array(size(gate)).keys()] : sampled(gate);
  const apart = channel => {
    const means = groups.map(group => mean(gate, group, channel)).filter(known);
    return means.length ? Math.max(...means) - Math.min(...means) : -1;
  };
  return channels.reduce((best, channel) => {
    const spread = apart(channel);
    return spread > best[1] ? [channel, spread] : best;
  }, [channels[0] ?? 0, -1])[0];
}
