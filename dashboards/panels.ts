import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  TooltipDisplayMode,
  SortOrder,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DataTransformerConfig,
  type DynamicConfigValue,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesPanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The Prometheus that the reader picked. */
export const dataSource = { type: 'prometheus', uid: '${datasource}' };

/** What the variables of the dashboard select: every query has one of these for every metric. */
export const JOB = 'job=~"$job", instance=~"$instance"';
export const SOURCE = `${JOB}, source=~"$source"`;
export const LOCATION = `${SOURCE}, location=~"$location"`;

interface PanelText {
  readonly title: string;
  /** What it shows and what to do about it: the text behind the panel's `i`. */
  readonly description: string;
  readonly unit: string;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A number as of now. */
export function stat(
  text: PanelText &
    Size & { readonly expr: string; readonly thresholds: readonly (readonly [from: number | null, color: string])[] },
): StatPanelBuilder {
  return new StatPanelBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .span(text.width)
    .height(text.height)
    .datasource(dataSource)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Background)
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps(text.thresholds.map(([value, color]) => ({ value, color }))),
    )
    .withTarget(instant('A', text.expr));
}

/** Lines over the dashboard's time range: one query per legend. */
export function series(
  text: PanelText & Size & { readonly queries: Readonly<Record<string, string>> },
): TimeSeriesPanelBuilder {
  const panel = new TimeSeriesPanelBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .span(text.width)
    .height(text.height)
    .datasource(dataSource)
    .min(0)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic));
  for (const [index, [legend, expr]] of Object.entries(text.queries).entries()) {
    panel.withTarget(
      new DataqueryBuilder().refId(refId(index)).expr(expr).range().legendFormat(legend).datasource(dataSource),
    );
  }
  return panel;
}

/** One column of a table: a label, or the value of a query. */
export interface Column {
  /** The label's name, or `Value #A` for the value of query A. */
  readonly field: string;
  readonly name: string;
  readonly properties?: readonly DynamicConfigValue[];
}

/** Rows as of now: the queries are joined by their labels, and only the named columns are shown, in this order. */
export function table(
  text: PanelText &
    Size & {
      readonly queries: readonly string[];
      readonly columns: readonly Column[];
      readonly sortBy: string;
      readonly descending?: true;
      readonly empty: string;
    },
): TablePanelBuilder {
  const panel = new TablePanelBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .span(text.width)
    .height(text.height)
    .datasource(dataSource)
    .noValue(text.empty)
    .filterable(true)
    .transformations([
      { id: 'merge', options: {} },
      onlyColumns(text.columns),
      sorted(text.sortBy, text.descending === true),
    ]);
  for (const [index, expr] of text.queries.entries()) panel.withTarget(instant(refId(index), expr));
  for (const { name, properties } of text.columns) {
    if (properties !== undefined) panel.overrideByName(name, [...properties]);
  }
  return panel;
}

/** Seconds left, coloured by urgency. */
export const timeLeft: readonly DynamicConfigValue[] = [
  { id: 'unit', value: 'dtdurations' },
  { id: 'custom.cellOptions', value: { type: 'color-text' } },
  { id: 'color', value: { mode: 'thresholds' } },
  {
    id: 'thresholds',
    value: {
      mode: 'absolute',
      steps: [
        { value: null, color: 'red' },
        { value: 7 * 86_400, color: 'orange' },
        { value: 30 * 86_400, color: 'green' },
      ],
    },
  },
];

/** Milliseconds since the epoch, shown as a date. */
export const date: readonly DynamicConfigValue[] = [{ id: 'unit', value: 'dateTimeAsIso' }];

/** 1 accepted, 0 rejected. */
export const verdict: readonly DynamicConfigValue[] = [
  {
    id: 'mappings',
    value: [
      {
        type: 'value',
        options: { 0: { text: 'rejected', color: 'red', index: 0 }, 1: { text: 'accepted', color: 'green', index: 1 } },
      },
    ],
  },
  { id: 'custom.cellOptions', value: { type: 'color-text' } },
];

export function instant(id: string, expr: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(id).expr(expr).instant().format(PromQueryFormat.Table).datasource(dataSource);
}

function onlyColumns(columns: readonly Column[]): DataTransformerConfig {
  return {
    id: 'organize',
    options: {
      includeByName: Object.fromEntries(columns.map(({ field }) => [field, true])),
      indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
      renameByName: Object.fromEntries(columns.map(({ field, name }) => [field, name])),
    },
  };
}

function sorted(field: string, desc: boolean): DataTransformerConfig {
  return { id: 'sortBy', options: { sort: [{ field, desc }] } };
}

/** A, B, C, … */
function refId(index: number): string {
  return 'ABCDEFGHIJ'.charAt(index);
}
