/// The program of load and long runs: that it sees what does not stay flat, and that it runs.
module CondEmbed.Tests.LoadTests

open System.IO
open Expecto
open CondEmbed.Checks
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private samples memory handles : Growth.Sample list =
    [ for second in 0..100 ->
          { Seconds = float second
            Memory = memory (float second)
            Handles = handles (float second)
            Threads = 10.0
            Files = 3.0 } ]

let private mebi = 1048576.0

let tests =
    testList
        "Load"
        [ test "a straight line gains in its second half what it gains, and what rises at first gains nothing" {
              Expect.floatClose Accuracy.high (Growth.overSecondHalf [ for x in 0..10 -> float x, 3.0 * float x ]) 15.0 "a line"
              Expect.floatClose Accuracy.high (Growth.overSecondHalf [ for x in 0..10 -> float x, float (min x 5) ]) 0.0 "a rise"
              Expect.equal (Growth.overSecondHalf [ 0.0, 1.0 ]) 0.0 "a point"
              Expect.equal (Growth.overSecondHalf []) 0.0 "nothing"
          }

          test "memory and handles that leak are not flat, and what sways or settles is" {
              let flat memory handles = let isFlat, said, _ = Growth.verdict (samples memory handles) in isFlat, said

              Expect.isTrue (fst (flat (fun t -> 500.0 * mebi + 20.0 * mebi * sin t) (fun _ -> 100.0))) "sways"
              Expect.isTrue (fst (flat (fun t -> mebi * min 400.0 (20.0 * t)) (fun _ -> 100.0))) "settles"
              let isFlat, said = flat (fun t -> 100.0 * mebi + mebi * t) (fun _ -> 100.0)
              Expect.isFalse isFlat "a MiB each second"
              Expect.stringContains said "memory 200 MiB (+50 MiB, NOT FLAT), handles 100 (+0)" "words"
              Expect.isFalse (fst (flat (fun _ -> 1e8) (fun t -> t))) "a handle each second"
          }

          test "percentiles" {
              Expect.equal (Growth.percentile 0.5 [| 5.0; 1.0; 3.0 |]) 3.0 "the middle"
              Expect.equal (Growth.percentile 0.99 [| 5.0; 1.0; 3.0 |]) 5.0 "the end"
          }

          test "32 threads and the service under load, for some seconds" {
              if not (File.Exists "/proc/self/statm") then skiptest "only Linux tells what a process holds"
              let outcome = run "CondEmbed.Checks.dll" (Path.GetTempPath()) [] [ "load"; "--scale"; "0.005"; "--only"; "search,service" ]
              Expect.equal outcome.Code 0 outcome.Everything
              Expect.stringContains outcome.Out "| search: 32 threads, 5 s | ok |" "the index"
              Expect.stringContains outcome.Out "| service: 16 clients, 5 s | ok |" "the sample"
          } ]
