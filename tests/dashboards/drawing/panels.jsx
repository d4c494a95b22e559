// Draws panels of a dashboard, with Prometheus' answers in them, by Grafana's own components. TOLD is what is drawn.

import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

// Not by `import`: one of their libraries comes as CommonJS alone, and gets lost on the way.
const {
  createTheme, dateTime, FieldColorModeId, FieldType, getDisplayProcessor, reduceField, standardTransformers,
  standardTransformersRegistry, ThemeContext, transformDataFrame,
} = require('@grafana/data');
const { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, TimeSeries } = require('@grafana/ui');

const { start, end, panels, unit: UNIT, width: WIDTH } = TOLD;
const theme = createTheme({ colors: { mode: 'light' } });
const GAP = 8;

const transformers = new Map(Object.values(standardTransformers).map((each) => [each.id, each])); // some are there twice
standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((each) => ({ id: each.id, name: each.name, transformation: async () => each }))
);

// What a series is called: by the query's legend, in which `{{label}}` stands for a label's value.
function named(legend, labels) {
  return legend === '__auto' ? 'Value' : legend.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? '');
}

function seriesOf(panel) {
  return panel.targets.flatMap((target) =>
    target.answer.map((each) => ({ ...each, name: named(target.legendFormat, each.metric) }))
  );
}

// A field of numbers with what the panel says of it; colours as in Grafana's classic palette unless one is fixed.
function fieldOf(panel, name, values, index) {
  const color = { mode: panel.type === 'timeseries' ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds };
  const config = { ...panel.fieldConfig.defaults, displayName: name, color };
  for (const { id, value } of panel.fieldConfig.overrides.find((each) => each.matcher.options === name)?.properties ?? []) {
    const [key, custom] = id.split('.');
    config[key] = custom ? { ...config[key], [custom]: value } : value;
  }
  const field = { name, type: FieldType.number, values, config, state: { seriesIndex: index } };
  return { ...field, display: getDisplayProcessor({ field, theme }) };
}

// All series of a panel on the same seconds.
function frameOf(panel) {
  const times = Array.from({ length: Math.floor(end - start) + 1 }, (_, second) => Math.ceil(start) + second);
  const fields = seriesOf(panel).map(({ name, values }, index) => {
    const known = new Map(values.map(([at, value]) => [Math.round(at), Number(value)]));
    const numbers = times.map((time) => (Number.isFinite(known.get(time)) ? known.get(time) : null));
    return fieldOf(panel, name, numbers, index);
  });
  const time = { name: 'Time', type: FieldType.time, values: times.map((each) => each * 1000), config: {} };
  return { fields: [{ ...time, display: getDisplayProcessor({ field: time, theme }) }, ...fields], length: times.length };
}

// What Grafana's data source makes of an instant query in the format of a table.
function tableOf(target, alone) {
  const labels = [...new Set(target.answer.flatMap((each) => Object.keys(each.metric)))].sort();
  const column = (name, type, values) => ({ name, type, values, config: {} });
  return {
    refId: target.refId,
    length: target.answer.length,
    fields: [
      column('Time', FieldType.time, target.answer.map((each) => each.value[0] * 1000)),
      ...labels.map((label) => column(label, FieldType.string, target.answer.map((each) => each.metric[label]))),
      column(alone ? 'Value' : `Value #${target.refId}`, FieldType.number, target.answer.map((each) => Number(each.value[1]))),
    ],
  };
}

function Lines({ panel, width, height }) {
  const range = { from: dateTime(start * 1000), to: dateTime(end * 1000) };
  const timeRange = { ...range, raw: range };
  const legend = { ...panel.options.legend, calcs: [] };
  return <TimeSeries frames={[frameOf(panel)]} {...{ width, height, timeRange, legend }} timeZone="utc" />;
}

function Figure({ panel, width, height }) {
  const [time, field] = frameOf(panel).fields;
  const value = field.display(reduceField({ field, reducers: ['lastNotNull'] }).lastNotNull);
  const { colorMode, graphMode, justifyMode, textMode } = panel.options;
  const sparkline = { x: time, y: field };
  return <BigValue {...{ value, width, height, theme, colorMode, graphMode, justifyMode, textMode, sparkline }} />;
}

function Bars({ panel, width, height }) {
  const all = seriesOf(panel);
  const most = Math.max(...all.map((each) => Number(each.value[1])));
  return all.map((each, index) => {
    const field = fieldOf(panel, each.name, [Number(each.value[1])], index);
    const value = { ...field.display(field.values[0]), title: each.name };
    const { orientation, displayMode, valueMode } = panel.options;
    const config = { ...field.config, min: 0, max: most };
    return (
      <BarGauge
        key={each.name} field={config} display={field.display} valueDisplayMode={valueMode}
        {...{ value, orientation, displayMode, theme, width }} height={Math.min(height / all.length - GAP, 40)}
        showUnfilled itemSpacing={GAP} text={{ valueSize: 18 }}
      />
    );
  });
}

function Rows({ panel, width, height }) {
  const [frame, setFrame] = useState(null);
  useEffect(() => {
    const frames = panel.targets.map((target) => tableOf(target, panel.targets.length === 1));
    const done = transformDataFrame(panel.transformations, frames).subscribe(([made]) => {
      const fields = made.fields.map((field) => {
        const config = field.type === FieldType.number ? { ...panel.fieldConfig.defaults, ...field.config } : field.config;
        const told = { ...field, config: { ...config, custom: panel.fieldConfig.defaults.custom } };
        return { ...told, display: getDisplayProcessor({ field: told, theme }) };
      });
      setFrame({ ...made, fields });
    });
    return () => done.unsubscribe();
  }, []);
  return frame && <Table data={frame} width={width} height={height} />;
}

const Heat = () => <p>A heatmap: drawn by Grafana itself alone.</p>;

const KINDS = { timeseries: Lines, stat: Figure, bargauge: Bars, table: Rows, heatmap: Heat };

function Placed({ panel }) {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [(w * WIDTH) / 24 - GAP, h * UNIT - GAP];
  const place = { position: 'absolute', left: (x * WIDTH) / 24 + GAP / 2, top: y * UNIT + GAP / 2, width, height };
  if (panel.type === 'row') {
    return <h4 style={{ ...place, margin: 0 }}>{panel.title}</h4>;
  }
  const Kind = KINDS[panel.type];
  return (
    <div style={place}>
      <PanelChrome title={panel.title} width={width} height={height}>
        {(innerWidth, innerHeight) => <Kind panel={panel} width={innerWidth} height={innerHeight} />}
      </PanelChrome>
    </div>
  );
}

createRoot(document.getElementById('all')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    {panels.map((panel) => <Placed key={panel.id} panel={panel} />)}
  </ThemeContext.Provider>
);
