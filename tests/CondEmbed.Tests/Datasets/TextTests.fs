/// Text, labels and files of numbers: what is not text is refused with its place, and one label written in two ways is one class.
module CondEmbed.Tests.TextTests

open System
open System.IO
open System.Text
open Expecto
open FsCheck.FSharp
open CondEmbed
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Models
open CondEmbed.Studies
open CondEmbed.Tests.Support

/// A file of Latin-1 text, whose 'ü' is no UTF-8.
let private latin folder name (text: string) =
    let path = Path.Combine(folder, name)
    File.WriteAllBytes(path, Encoding.Latin1.GetBytes text)
    path

let private readers: (string * string * (string -> obj)) list =
    [ "labels.txt", "ü\nö\n", (fun path -> box (LabelFile.Read path))
      "labels.csv", "label\nü\nö\n", (fun path -> box (LabelFile.Read path))
      "table.csv", "path,label\na.png,ü\n", (fun path -> box (TableDataset.Open path))
      "table.tsv", "path\tlabel\na.png\tü\n", (fun path -> box (TableDataset.Open path))
      "rows.csv", "label,e0\nü,1\nö,1\n", (fun path -> box (LabelledEmbeddings.Read path))
      "rows.jsonl", "{\"label\":\"ü\",\"embedding\":[1]}\n", (fun path -> box (LabelledEmbeddings.Read path))
      "rows.json", "{\"labels\":[\"ü\"],\"embeddings\":[[1]]}", (fun path -> box (LabelledEmbeddings.Read path))
      "run.toml", "data = \"ü\"\n", (fun path -> box (TomlSettings.Read path))
      "study.toml", "name = \"ü\"\n[arms.a]\nlevels = 0\n", (fun path -> box (StudyFile.Read path))
      "list.txt", "1 ü.jpg\n", (fun path -> box (ListFile.Read(path, 2, 0, ProblemList()))) ]

let private strict =
    testList
        "what is not UTF-8 is refused with its line"
        [ for name, text, read in readers do
              test name {
                  inFolder (fun folder ->
                      let path = latin folder name text
                      let before = text.Substring(0, text.IndexOf 'ü')
                      let line = 1 + (before |> Seq.filter ((=) '\n') |> Seq.length)

                      rejects
                          [ $"{path}, line {line}: the byte 0xFC at offset {before.Length} is not UTF-8"; "Save the file as UTF-8" ]
                          (fun () -> read path |> ignore))
              }

          test "files that the program wrote itself" {
              inFolder (fun folder ->
                  let metrics = latin folder "metrics.json" "{\"dataset\":\"ü\",\"step\":1,\"before\":{},\"after\":{}}"
                  rejects [ metrics ] (fun () -> MetricsFile.Read metrics |> ignore)
                  let log = latin folder "log.jsonl" "{\"event\":\"note\",\"text\":\"ü\"}\n{}\n"
                  rejects [ log; "line 1" ] (fun () -> LogReader.Read log |> ignore)
                  let study = latin folder "study.json" "{\"name\":\"ü\"}"
                  rejects [ study ] (fun () -> StudyTables.ReadJson study |> ignore))
          }

          test "half a surrogate pair in JSON, and bytes that are no text" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "half.json")
                  File.WriteAllText(path, """{"labels":["\ud800"],"embeddings":[[1]]}""")
                  rejects [ path; "not valid JSON" ] (fun () -> LabelledEmbeddings.Read path |> ignore))

              rejects [ "not-utf8.json, line 1"; "0xFF at offset 676" ] (fun () ->
                  LabelledEmbeddings.Read(golden "text/not-utf8.json") |> ignore)
          }

          test "UTF-16 without its mark" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "labels.txt")
                  File.WriteAllBytes(path, Encoding.Unicode.GetBytes "a\nb\n")
                  rejects [ "line 1"; "zero byte"; "UTF-16" ] (fun () -> LabelFile.Read path |> ignore))
          } ]

let private marked =
    test "byte order marks tell what text is, and are not part of it" {
        inFolder (fun folder ->
            let path = Path.Combine(folder, "labels.txt")

            for encoding in [ Encoding.UTF8; Encoding.Unicode; Encoding.BigEndianUnicode; Encoding.UTF32 ] do
                File.WriteAllText(path, "ü\nö𝄞\n", encoding)
                Expect.equal (TextFile.Read path) "ü\nö𝄞\n" encoding.EncodingName
                Expect.equal (List.ofSeq (TextFile.Lines path)) [ "ü"; "ö𝄞" ] encoding.EncodingName)
    }

let private placed =
    testProperty "the first wrong byte is found wherever blocks of reading end" (fun (before: int) ->
        inFolder (fun folder ->
            let before = abs before % 70000
            let path = Path.Combine(folder, "text.txt")
            // Letters of two bytes, so that one lies across the end of a block.
            let start = Encoding.UTF8.GetBytes("x" + String('ü', before))
            File.WriteAllBytes(path, Array.concat [ start; [| 0xFFuy |]; "rest"B ])
            rejects [ $"offset {start.Length} " ] (fun () -> TextFile.Lines path |> Seq.length |> ignore)
            rejects [ $"offset {start.Length} " ] (fun () -> TextFile.Read path |> ignore)))

let private normal =
    [ "plain", "plain"
      "cafe\u0301", "café"
      "gro\u0308ße", "größe"
      "\u304B\u3099", "\u304C"
      "\u1100\u1161\u11A8", "\uAC01"
      "\u212B", "\u00C5"
      "e\u0302\u0323", "\u1EC7"
      "q\u0307\u0323", "q\u0323\u0307"
      "\u0958", "\u0915\u093C"
      "\U0001D15E", "\U0001D157\U0001D165" ]

let private labels =
    testList
        "labels"
        [ test "have Unicode's normal form C" {
              for given, expected in normal do
                  Expect.equal (ClassLabel.Normal given) expected given
                  Expect.equal (ImageItem("a", given, Role.Train).Label) expected "of an image"
          }

          test "are one class in whatever form they are written, in every file" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "rows.jsonl")
                  File.WriteAllText(path, "{\"label\":\"é\",\"embedding\":[1,0]}\n{\"label\":\"e\u0301\",\"embedding\":[1,0]}\n")
                  let read = LabelledEmbeddings.Read path
                  Expect.hasLength (Seq.distinct read.Labels |> List.ofSeq) 1 "classes"
                  Expect.equal (read.Evaluate().Recall 1) 1.0 "each finds the other")
          }

          test "that look alike are told of" {
              let told = ClassLabel.Alike [ "1"; "1.0"; "cat"; "Cat "; "dog"; "2" ]
              Expect.hasLength told 2 "groups"
              Expect.stringContains told[0] "'1' and '1.0'" "numbers"
              Expect.stringContains told[1] "'Cat ' and 'cat'" "case and blanks"
          } ]

let private tables =
    testList
        "tables"
        [ test "a path may be in another normal form than the name on the disk, or have backslashes" {
              inFolder (fun folder ->
                  let inner = Directory.CreateDirectory(Path.Combine(folder, "gro\u0308ße"))

                  for name in [ "e\u0301.png"; "b.png" ] do
                      File.WriteAllText(Path.Combine(inner.FullName, name), "x")

                  let path = Path.Combine(folder, "table.csv")
                  File.WriteAllText(path, "path,label\ngröße/é.png,a\ngröße\\b.png,b\n")
                  let data = TableDataset.Open path
                  Expect.equal data.Count 2 "both are found"
                  Expect.equal [ for i in 0..1 -> (data.Read i).Length ] [ 1; 1 ] "and read")
          }

          for separator, header in [ ";", "path;label"; "\t", "label\tpath"; ",", "file_name,label"; ";", "image;label" ] do
              test $"'{header}' is understood" {
                  inFolder (fun folder ->
                      File.WriteAllText(Path.Combine(folder, "a.png"), "")
                      let path = Path.Combine(folder, "table.csv")
                      let row = if header.StartsWith "label" then $"x{separator}a.png" else $"a.png{separator}x"
                      File.WriteAllText(path, $"{header}\n{row}\n")
                      let item = (TableDataset.Open path).Items[0]
                      Expect.equal (item.Path, item.Label) ("a.png", "x") "the image")
              } ]

let private npy (descr: string) (bytes: byte array) count =
    let header = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count},), }}\n"
    Array.concat [ [| 0x93uy |]; "NUMPY"B; [| 1uy; 0uy; byte header.Length; 0uy |]; Encoding.ASCII.GetBytes header; bytes ]

let private labelArrays =
    let reversed (bytes: byte array) = Array.rev bytes

    [ ">u2",
      Array.collect (BitConverter.GetBytes: uint16 -> _) [| 7us; 65535us |]
      |> Array.chunkBySize 2
      |> Array.collect reversed,
      [| "7"; "65535" |]
      "<u4", Array.collect (BitConverter.GetBytes: uint32 -> _) [| 7u; 4294967295u |], [| "7"; "4294967295" |]
      "<u8", Array.collect (BitConverter.GetBytes: uint64 -> _) [| 7UL; 8UL |], [| "7"; "8" |]
      ">i8",
      Array.collect (BitConverter.GetBytes: int64 -> _) [| -7L; 8L |]
      |> Array.chunkBySize 8
      |> Array.collect reversed,
      [| "-7"; "8" |]
      "<f4", Array.collect (BitConverter.GetBytes: float32 -> _) [| 7.0f; 3.0f |], [| "7"; "3" |]
      "<f8", Array.collect (BitConverter.GetBytes: float -> _) [| 7.0; -3.0 |], [| "7"; "-3" |] ]

let private arrays =
    testList
        "labels as .npy"
        [ for descr, bytes, expected in labelArrays do
              test descr {
                  inFolder (fun folder ->
                      let path = Path.Combine(folder, "labels.npy")
                      File.WriteAllBytes(path, npy descr bytes 2)
                      Expect.equal (LabelFile.Read path) expected descr)
              }

          test "what is no whole number is refused" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "labels.npy")

                  for value in [ 1.5; nan; infinity; 1e300 ] do
                      File.WriteAllBytes(path, npy "<f8" (BitConverter.GetBytes value) 1)
                      rejects [ "label 0"; "not a whole number" ] (fun () -> LabelFile.Read path |> ignore)

                  File.WriteAllBytes(path, npy "<u8" (BitConverter.GetBytes UInt64.MaxValue) 1)
                  rejects [ "18446744073709551615" ] (fun () -> LabelFile.Read path |> ignore))
          } ]

/// A good Parquet file, and what becomes of it when bytes are changed: it is read, or refused in a sentence.
let private parquet =
    testList
        "Parquet"
        [ test "the header that made the library read for ever" {
              rejects [ "hang-1.parquet" ] (fun () -> LabelledEmbeddings.Read(golden "text/hang-1.parquet") |> ignore)
          }

          test "changed bytes" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "rows.parquet")
                  let values = [| for i in 0..127 -> single (sin (float i)) |]

                  EmbeddingFiles.Write(
                      path,
                      EmbeddingTable(values, 32, 4, [| for i in 0..31 -> $"{i}.png" |], [| for i in 0..31 -> string (i % 4) |])
                  )

                  let good = File.ReadAllBytes path
                  Expect.equal (LabelledEmbeddings.Read path).Count 32 "a good file is read"
                  let random = Random 3

                  for _ in 1..400 do
                      let bytes = Array.copy good

                      for _ in 0 .. random.Next 3 do
                          // The footer more often: that is where counts and offsets are.
                          let place = if random.Next 3 > 0 then bytes.Length - 1 - random.Next 900 else random.Next bytes.Length
                          bytes[max 0 place] <- byte (random.Next 256)

                      File.WriteAllBytes(path, bytes)

                      let reading =
                          System.Threading.Tasks.Task.Run(fun () ->
                              try
                                  LabelledEmbeddings.Read path |> ignore
                              with :? InputException ->
                                  ())

                      Expect.isTrue (reading.Wait 30_000) "it ends"
                      Expect.isTrue reading.IsCompletedSuccessfully "and only with an InputException")
          } ]

let private mat =
    test "a damaged compressed element is refused" {
        rejects [ "zlib.mat"; "compressed element is damaged" ] (fun () -> MatFile.Read(golden "text/zlib.mat") |> ignore)
    }

let tests = testList "Text" [ strict; marked; placed; labels; tables; arrays; parquet; mat ]
