/// Evaluation that processes share out: each embeds its part of the images, and the numbers are those of one.
module CondEmbed.Tests.ShareTests

open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Teams
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.Together

let private data = lazy RunData.Open(settings imageFolder.Value [])

/// Three numbers of each image, exact, and how many images there were.
let private pass team =
    let seen = ref 0

    let embed (pixels: byte array) count =
        seen.Value <- seen.Value + count
        let length = pixels.Length / count

        [| for image in 0 .. count - 1 do
               for number in [ 0; 7; 100 ] -> single pixels[image * length + number] |]

    EmbeddingPass(embed, 3, Views.ForTesting(settings imageFolder.Value []), 4, LoaderOptions 2, together = TeamWork team), seen

let private rows team (items: int array) =
    let pass, seen = pass team
    (pass.Embed(data.Value.Reader, items)).Values, seen.Value

let private extraction =
    testList
        "extraction"
        [ for images in [ 0; 1; 2; 3; 7; 12 ] do
              test $"of {images} images, each embeds its share, and all have all" {
                  let items = Array.truncate images (Array.ofSeq data.Value.Split.Test)
                  let expected, _ = rows Team.alone items

                  for size in [ 2; 3; 5 ] do
                      let found = together size (fun team -> rows team items)

                      for values, _ in found do
                          Expect.equal values expected $"of {size}"

                      let counts = List.map snd found
                      Expect.equal (List.sum counts) images "each image once"
                      Expect.isLessThanOrEqual (List.max counts - List.min counts) 1 $"shares alike: {counts}"
              }

          test "rows go piece by piece" {
              let found =
                  together 3 (fun team ->
                      let rows = Array.zeroCreate<single> 22

                      let fill first count =
                          for at in 2 * first .. 2 * (first + count) - 1 do
                              rows[at] <- single (at + 1)

                      TeamWork(team, Piece = 6).ShareOut(rows, 11, fill)
                      rows)

              for rows in found do
                  Expect.equal rows [| for at in 1..22 -> single at |] "rows"
          }

          test "a cancellation of one ends all" {
              let ended =
                  together 3 (fun team ->
                      use stop = new CancellationTokenSource()
                      let work = TeamWork(team, stop)

                      let fill _ _ =
                          if team.Rank = 1 then
                              stop.Cancel()
                              stop.Token.ThrowIfCancellationRequested()

                      try
                          work.ShareOut(Array.zeroCreate 12, 6, fill)
                          false
                      with :? System.OperationCanceledException ->
                          stop.IsCancellationRequested)

              Expect.equal ended [ true; true; true ] "all"
          } ]

/// A copy of a finished run goes on, with nothing left to train, so that it evaluates the same weights.
let private evaluatedBy count run (folder: string) =
    let copy = Path.Combine(folder, $"by{count}")

    for file in Directory.GetFiles(run, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(copy, Path.GetRelativePath(run, file))
        Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
        File.Copy(file, target)

    together count (fun team -> Trainer.Resume(copy, ResumeOptions(), team).Train()) |> ignore
    MetricsFile.Read(RunFolder(copy).Metrics)

let private likeOne what others =
    test $"metrics of {what} are those of one process" {
        inFolder (fun folder ->
            let trunk = [ for key, value in others -> key, (if key = "trunk_cache" then Path.Combine(folder, value) else value) ]
            let run = Path.Combine(folder, "run")
            train (settings imageFolder.Value trunk) run |> ignore
            let expected = MetricsFile.Read(RunFolder(run).Metrics)

            for count in [ 2; 3 ] do
                let found = evaluatedBy count run folder
                Expect.sequenceEqual found.After expected.After $"after, by {count}"
                Expect.sequenceEqual found.Best expected.Best $"best, by {count}"
                Expect.sequenceEqual found.Before expected.Before $"before, by {count}")
    }

let private runs =
    [ likeOne "a network" [ "batch", "12" ]
      likeOne "kept maps" [ "batch", "12"; "freeze", "conv1*,bn1*,layer1*,layer2*"; "trunk_cache", "maps"; "levels", "0" ]

      test "before training, all measure, and the first one keeps it" {
          inFolder (fun folder ->
              let at name = Path.Combine(folder, name)

              let measured count name others =
                  let settings =
                      settings imageFolder.Value ([ "batch", "12"; "steps", "1"; "report", "false"; "pooling", "mean" ] @ others)

                  together count (fun team -> Trainer(settings, at name, team).Train()) |> List.head |> _.Before

              let expected = measured 1 "one" []
              let keeping = [ "initial_metrics", at "kept" ]
              Expect.sequenceEqual (measured 2 "two" keeping) expected "measured"
              Expect.hasLength (Directory.GetFiles(at "kept")) 1 "kept"
              Expect.sequenceEqual (measured 3 "three" keeping) expected "found"
              Expect.sequenceEqual (MetricsFile.Read(RunFolder(at "three").Metrics)).Before expected "in the folder")
      }

      test "the head's start is that of one process" {
          inFolder (fun folder ->
              let start count =
                  let run = Path.Combine(folder, string count)

                  let settings =
                      settings
                          imageFolder.Value
                          [ "batch", "12"
                            "steps", "1"
                            "lr", "1e-9"
                            "report", "false"
                            "head_start", "pca"
                            "head_norm", "false"
                            "pooling", "mean" ]

                  together count (fun team -> Trainer(settings, run, team).Train()) |> ignore
                  run

              let expected = lastWeights (start 1)

              for (name, expected), (_, found) in List.zip expected (lastWeights (start 3)) do
                  let floats (bytes: byte array) =
                      System.Runtime.InteropServices.MemoryMarshal.Cast<byte, single>(System.ReadOnlySpan bytes).ToArray()

                  for a, b in Array.zip (floats expected) (floats found) do
                      if not (abs (a - b) <= 1e-3f * max 1f (abs a)) then failtest $"{name}: {b} stands for {a}")
      } ]

let tests = testList "Shared evaluation" (extraction :: runs)
