// Lines as the server tells them: columns of numbers, whole at first, then what came since.
const COLUMNS = { raw: ["x", "y", "step"], smooth: ["x", "y", "step"], band: ["x", "y", "low", "high", "count"] };

// Lays columns over an answer's bytes; nothing is copied.
function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let offset = 4 + length;
  const lines = header.lines.map((item) => {
    const columns = Array.from({ length: item.columns }, () => {
      const values = new Float64Array(buffer, offset, item.n);
      offset += values.byteLength;
      return values;
    });
    return named(item, columns, columns);
  });
  return { header, lines };
}

function named(line, room, columns) {
  const { run, metric, kind, since } = line;
  const of = Object.fromEntries(COLUMNS[kind].map((name, place) => [name, columns[place]]));
  const gaps = [];
  for (let i = 0; kind === "raw" && i < of.y.length; i++) if (!Number.isFinite(of.y[i])) gaps.push(of.x[i]);
  return { run, metric, kind, since, room, columns, ...of, gaps, step: kind === "band" ? undefined : of.step || of.x };
}

// The lines after an answer that tells only what is new: the others stay as they are.
function renewed(lines, news) {
  const same = (a) => (b) => a.run === b.run && a.metric === b.metric && a.kind === b.kind;
  const others = lines.filter((line) => !news.some(same(line)));
  return [...others, ...news.map((line) => joined(lines.find(same(line)), line))];
}

// What is known before the news, and the news behind it. Arrays have room, so that most joints move nothing.
function joined(line, news) {
  if (!line || news.since === null) return news;
  const kept = lowerBound(line.x, news.since);
  const count = kept + news.x.length;
  let { room } = line;
  if (room[0].length < count) {
    room = line.columns.map((values) => {
      const wide = new Float64Array(Math.ceil(count * 1.25));
      wide.set(values.subarray(0, kept));
      return wide;
    });
  }
  room.forEach((values, place) => values.set(news.columns[place], kept));
  return named(news, room, room.map((values) => values.subarray(0, count)));
}

function lowerBound(values, at) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (values[mid] < at) low = mid + 1;
    else high = mid;
  }
  return low;
}
