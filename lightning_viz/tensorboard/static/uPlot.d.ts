// What of uPlot the page uses.

type Ink = string | (() => string);
type Range = [number, number];
interface Options {
  width: number;
  height: number;
  legend: { show: boolean };
  cursor: object;
  scales: Record<string, { time?: boolean; range: (chart: uPlot, low: number, high: number) => Range }>;
  axes: { stroke: Ink; grid: object; ticks: object; font: string; size: number; values?: (chart: uPlot, splits: number[]) => string[]; space?: number; incrs?: number[] }[];
  series: { label?: string; stroke?: Ink; width?: number; dash?: number[]; spanGaps?: boolean; points?: object }[];
  hooks: Record<string, ((chart: uPlot) => void)[]>;
}

export default class uPlot {
  constructor(options: Options, data: (number | null)[][], target: HTMLElement);
  over: HTMLElement;
  root: HTMLElement;
  data: (number | null)[][];
  cursor: { left?: number; top?: number; idx?: number | null };
  valToPos(value: number, scale: string): number;
  posToVal(position: number, scale: string): number;
  redraw(rebuild?: boolean): void;
  destroy(): void;
}
