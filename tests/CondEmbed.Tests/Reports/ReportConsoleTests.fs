/// What the program prints of progress and results.
module CondEmbed.Tests.ReportConsoleTests

open System
open System.Collections.Generic
open Expecto
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Tests.ReportDemo

let private progress step (seconds: float) =
    RunProgress(
        RunProgress.Training,
        step,
        600,
        Loss = 1.234,
        Terms = [| KeyValuePair("unconditional", 0.8); KeyValuePair("level 1", 0.434) |],
        LearningRate = 0.00091,
        ImagesPerSecond = 811.6,
        Elapsed = TimeSpan.FromSeconds seconds,
        Remaining = TimeSpan.FromSeconds 184.0
    )

let tests =
    testList
        "console"
        [ test "durations" {
              for seconds, text in
                  [ 0.0, "0.0 s"
                    0.43, "0.4 s"
                    12.2, "12 s"
                    59.7, "1 m 00 s"
                    72.0, "1 m 12 s"
                    3599.6, "1 h 00 m"
                    7500.0, "2 h 05 m"
                    273600.0, "3 d 04 h"
                    -72.0, "-1 m 12 s" ] do
                  Expect.equal (Readable.Duration(TimeSpan.FromSeconds seconds)) text text
          }
          test "numbers" {
              for value, text in
                  [ 0.0, "0"
                    1.0, "1"
                    1.23456, "1.235"
                    -12.3456, "-12.35"
                    123456.0, "123456"
                    0.003, "0.003"
                    0.00091, "0.00091"
                    1.2e-6, "1.2e-06"
                    3.45e9, "3.45e09"
                    nan, "nan"
                    -infinity, "-inf" ] do
                  Expect.equal (Readable.Number value) text text

              for count, text in [ 0L, "0 seeds"; 1L, "1 seed"; 2L, "2 seeds"; 60_502L, "60,502 seeds" ] do
                  Expect.equal (Readable.Counted(count, "seed")) text text
          }
          test "a line of progress" {
              Expect.equal
                  (ProgressText.Line(progress 120 72.0))
                  "training  120/600  20%  loss 1.2340 (unconditional 0.8000, level 1 0.4340)  lr 0.00091   812 img/s  1 m 12 s, 3 m 04 s left"
                  "training"

              Expect.equal (ProgressText.Pace(RunProgress("evaluating", 1, 9, ImagesPerSecond = 0.42))) " 0.4 img/s" "few"
              Expect.equal (ProgressText.Pace(RunProgress("evaluating", 1, 9, ImagesPerSecond = 9.97))) "  10 img/s" "ten"
              Expect.equal (ProgressText.Line(RunProgress("checking images", 3234, 0))) "checking images  3,234  0.0 s" "no end known"
              Expect.equal (ProgressText.Line(RunProgress("evaluating", 9, 10))) "evaluating   9/10  90%  0.0 s" "no loss"
              Expect.isFalse ((ProgressText.Line(progress 600 256.0)).Contains "left") "at the end nothing is left"
          }
          test "the only term of a loss is not said twice" {
              let line = ProgressText.Line(RunProgress("training", 1, 9, Loss = 1.0, Terms = [| KeyValuePair("unconditional", 1.0) |]))

              Expect.isFalse (line.Contains "unconditional") line
          }
          test "lines come every five seconds, and at first and last" {
              let pacer = ProgressPacer(TimeSpan.FromSeconds 5.0)

              let printed =
                  [ for i in 1..600 do
                        if pacer.ShouldPrint(progress i (float i / 32.0)) then i ]

              Expect.equal printed [ 1; 161; 321; 481; 600 ] "steps"
              Expect.isFalse (pacer.ShouldPrint(progress 600 99.0)) "the end is printed once"
              Expect.isTrue (pacer.ShouldPrint(RunProgress("evaluating", 0, 10))) "a new phase"
          }
          test "the table of metrics is aligned" {
              let table =
                  MetricTable.Format(
                      metrics [ "map_at_r", 0.0612; "recall@1", 0.1817 ],
                      metrics [ "recall@1", 0.6641; "map_at_r", 0.0512; "mine", 1.0 ]
                  )

              let expected =
                  [ "metric (%)   before    after   change"
                    "Recall@1      18.17    66.41   +48.24"
                    "MAP@R          6.12     5.12    -1.00"
                    "mine                  100.00"
                    ""
                    "Worse than before: in so few steps, or from so few classes, the network lost more than it learned. Train on more classes, for more steps, or with a lower lr." ]

              Expect.equal (table.Split '\n' |> Array.toList) expected "table"
              let better = MetricTable.Format(metrics [ "map_at_r", 0.06 ], metrics [ "map_at_r", 0.06 ])
              Expect.isFalse (better.Contains "Worse") "no worse"
          }
          test "a column without values is left out" {
              let table = MetricTable.Format(metrics [], metrics [ "recall@1", 0.5 ])
              Expect.equal table "metric (%)   after\nRecall@1     50.00" "only after"
          } ]
