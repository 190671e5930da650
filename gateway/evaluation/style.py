"""The report page's style sheet: light, dark, small screens and paper; nothing comes from outside the page.

Colours are variables, and both schemes were chosen so that kinds stay apart for colour-blind readers (blue
and orange) and text keeps a contrast of 4.5 : 1 (WCAG 2.2, 1.4.3).
"""

STYLE = """\
:root{color-scheme:light dark;--page:#f4f6f9;--card:#fff;--ink:#18212f;--soft:#566276;--line:#dfe4ec;
--track:#eef1f6;--benign:#2f6fd0;--extraction:#d2570c;--unlabelled:#8a94a6;--accent:#3451b2;--good:#17784a;
--goodbg:#e3f5ec;--wait:#8a5300;--waitbg:#fdf1da;--shade:0 1px 2px #1018280f,0 4px 16px #1018280d}
@media screen and (prefers-color-scheme:dark){:root{
--page:#0f141c;--card:#18202c;--ink:#e7ecf4;--soft:#9eabbe;--line:#2b3646;--track:#222c3a;--benign:#6ea8ff;--extraction:#ff9a4d;--unlabelled:#8793a6;--accent:#9db2ff;
--good:#6fdca6;--goodbg:#12382a;--wait:#ffcb70;--waitbg:#3b2d10;--shade:none}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header>div,footer{max-width:1240px;margin:0 auto;padding:0 24px}
header{background:linear-gradient(120deg,#1d2b4f,#31479a);color:#fff;padding:34px 0 74px}
header p{margin:4px 0 0;color:#d5def5}
h1{margin:0;font-size:28px;letter-spacing:-.02em}
h2{margin:0 0 2px;font-size:19px;letter-spacing:-.01em}
h3{margin:0;font-size:15px}
nav{position:sticky;top:0;z-index:2;background:var(--card);border-bottom:1px solid var(--line)}
nav div{max-width:1240px;margin:0 auto;padding:0 16px;display:flex;flex-wrap:wrap}
nav a{color:var(--soft);text-decoration:none;padding:8px 8px;font-size:12.5px;white-space:nowrap}
nav a:hover,nav a:focus-visible{color:var(--accent)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin-top:-50px}
.tile,section{background:var(--card);border:1px solid var(--line);border-radius:12px;box-shadow:var(--shade)}
.tile{padding:16px 18px}
.tile b{display:block;font-size:27px;line-height:1.25;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px;display:block}
section{margin:18px 0;padding:22px 24px;scroll-margin-top:52px}
.lead{margin:0 0 14px;color:var(--soft);max-width:78ch}
.scroll{overflow-x:auto;margin:14px 0 4px}
.drawing{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;font-size:12px;white-space:nowrap;border-bottom-width:2px}
td{white-space:nowrap}
th.word,td.word{text-align:left}
td.long{white-space:normal;overflow-wrap:anywhere;min-width:15em}
tbody tr:hover{background:var(--track)}
tbody tr:last-child td{border-bottom:0}
table.matrix{width:auto}
table.matrix td{text-align:center;min-width:76px;border:2px solid var(--card);border-radius:6px;background:
color-mix(in srgb,var(--heat,var(--track)) var(--depth,100%),var(--track))}
table.matrix th{border:0;text-align:center}
table.matrix th.word{text-align:left}
.up{--heat:var(--extraction)}
.down{--heat:var(--benign)}
.chart{display:block;width:100%;height:auto;margin:6px 0}
.chart text{font-size:12px;fill:var(--soft)}
.chart .name{text-anchor:end;fill:var(--ink)}
.chart .tick{text-anchor:middle}
.chart .number{fill:var(--ink);font-variant-numeric:tabular-nums}
.chart .grid{stroke:var(--line)}
.chart .track{fill:var(--track)}
.chart .whisker{stroke:var(--benign);stroke-width:3;stroke-linecap:round;opacity:.55}
.chart .point{fill:var(--benign)}
.chart .limit{stroke:var(--soft);stroke-dasharray:4 3}
.chart rect.benign,.chart .dot.benign{fill:var(--benign)}
.chart rect.extraction,.chart .dot.extraction{fill:var(--extraction)}
.chart rect.unlabelled{fill:var(--unlabelled)}
.chart rect.calm{fill:var(--unlabelled);opacity:.55}
.chart rect.standing{fill:var(--accent)}
.chart .line{fill:none;stroke-width:2.5}
.chart .line.benign{stroke:var(--benign)}
.chart .line.extraction{stroke:var(--extraction)}
.legend{margin:4px 0;font-size:13px;color:var(--soft)}
.legend span{margin-right:16px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;
vertical-align:-1px}
i.benign{background:var(--benign)}i.extraction{background:var(--extraction)}
i.unlabelled,i.calm{background:var(--unlabelled)}i.standing{background:var(--accent)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:12px}
.card{border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.card p{margin:6px 0 0;color:var(--soft);font-size:13px}
.card ul{margin:8px 0 0;padding-left:18px;font-size:13px}
.badge{float:right;font-size:12px;font-weight:600;border-radius:99px;padding:1px 10px;
background:var(--waitbg);color:var(--wait)}
.badge.ready{background:var(--goodbg);color:var(--good)}
.notes{margin:12px 0 0;padding-left:18px;font-size:13px;color:var(--soft)}
footer{padding-bottom:48px;color:var(--soft);font-size:13px}
footer p{max-width:90ch}
@media (max-width:700px){main,header>div,footer{padding:0 14px}section{padding:16px}
nav div{flex-wrap:nowrap;overflow-x:auto}.tiles{grid-template-columns:1fr 1fr;gap:10px}
.tile b{font-size:21px}.drawing .chart{min-width:620px}.cards{grid-template-columns:1fr}}
@page{margin:13mm 12mm}
@media print{body{background:#fff;font-size:10px;line-height:1.4}nav{display:none}
header{background:none;color:#000;padding:0 0 10px}header p{color:#333}
h1{font-size:20px}h2{font-size:14px}h3{font-size:11px}
main,header>div,footer{max-width:none;padding:0 1px}footer p{max-width:none}
.tiles{grid-template-columns:repeat(5,1fr);gap:8px;margin:0}.tile{padding:8px 10px;border-radius:6px}
.tile b{font-size:16px}.tile span,.card p,.card ul,.legend,.notes,.badge,footer{font-size:9px}
section{border:0;border-top:1px solid #bbb;border-radius:0;margin:14px 0 0;padding:10px 0 0}
section,.tile{box-shadow:none;border-color:#bbb}
.cards{grid-template-columns:1fr 1fr;gap:8px}.card{padding:8px 10px}
table,th{font-size:8.5px}td.long{min-width:0}
th,td{padding:2.5px 5px;white-space:normal;overflow-wrap:anywhere}
.scroll,.drawing{overflow:visible}.chart{max-height:85mm}
.tile,.card,.drawing>svg,.matrix,tr,.notes,footer p,.scroll:not(:has(tr:nth-child(16))){break-inside:avoid}
h2,.lead,.drawing,.legend{break-after:avoid}.legend i,.matrix td,.badge,rect{print-color-adjust:exact}
tbody tr:hover{background:none}footer{padding:12px 1px 0}}
"""
