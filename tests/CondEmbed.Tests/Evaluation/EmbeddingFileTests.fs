module CondEmbed.Tests.EmbeddingFileTests

open System
open System.IO
open System.Text.Json
open System.Text
open Expecto
open Parquet
open CondEmbed
open CondEmbed.Common
open CondEmbed.WeightFiles
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.Support

let private values = [| 1.0f; -0.1f; 1.17549435e-38f; 3.4028235e38f; 0.0f; 0.33333334f |]

let private paths = [| "a/1.png"; "b \"x\", y.png"; "ü/3.png" |]
let private labels = [| "a"; "b \"x\", y.png"; "ü" |]
let private table = EmbeddingTable(values, 3, 2, paths, labels)
let private bare = EmbeddingTable(values, 3, 2)

let private written (table: EmbeddingTable) ending (read: string -> 'a) =
    inFolder (fun root ->
        let path = Path.Combine(root, "out" + ending)
        EmbeddingFiles.Write(path, table)
        read path)

/// The columns of a Parquet file: texts by name, and the numbers of the list with their repetition levels.
let private parquetColumns (path: string) =
    (task {
        let! reader = ParquetReader.CreateAsync path
        use group = reader.OpenRowGroupReader 0
        let texts = ResizeArray<string * string list>()
        let numbers = Array.zeroCreate<float32> values.Length
        let levels = Array.zeroCreate<int> values.Length
        let defined = Array.zeroCreate<int> values.Length

        for field in reader.Schema.DataFields do
            if field.Name <> "element" then
                let column = Array.zeroCreate<string>(int group.RowCount)
                do! group.ReadAsync(field, Memory column)
                texts.Add(field.Path.ToString(), List.ofArray column)
            else
                do! group.ReadRawAsync<float32>(field, Memory numbers, Nullable(Memory defined), Nullable(Memory levels))

        do! reader.DisposeAsync()
        return List.ofSeq texts, numbers, levels
    })
        .Result

let private writers =
    testList
        "write"
        [ test "csv" {
              let lines = written table ".csv" File.ReadAllLines
              Expect.equal lines[0] "path,label,e0,e1" "header"
              Expect.equal lines[1] "a/1.png,a,1,-0.1" "plain"
              Expect.stringStarts lines[2] "\"b \"\"x\"\", y.png\",\"b \"\"x\"\", y.png\"," "quoted"

              let numbers =
                  [| for line in lines[1..] do
                         yield! (line.Split ',' |> Array.rev |> Array.take 2 |> Array.rev) |]

              Expect.equal (Array.map Single.Parse numbers) values "every float reads back as itself"
              Expect.equal ((written bare ".csv" File.ReadAllLines)[0]) "e0,e1" "without paths and labels"
          }

          test "jsonl" {
              let lines = written table ".jsonl" File.ReadAllLines
              Expect.hasLength lines 3 "lines"

              for i, line in Array.indexed lines do
                  use document = JsonDocument.Parse line
                  let root = document.RootElement
                  Expect.equal (root.GetProperty("path").GetString()) paths[i] "path"
                  Expect.equal (root.GetProperty("label").GetString()) labels[i] "label"

                  let row = [| for number in root.GetProperty("embedding").EnumerateArray() -> number.GetSingle() |]

                  Expect.equal row values[2 * i .. 2 * i + 1] "embedding"

              Expect.equal ((written bare ".jsonl" File.ReadAllLines)[0]) "{\"embedding\":[1,-0.1]}" "without paths and labels"
          }

          test "parquet" {
              let texts, numbers, levels = written table ".parquet" parquetColumns
              Expect.equal texts [ "path", List.ofArray paths; "label", List.ofArray labels ] "texts"
              Expect.equal numbers values "numbers"
              Expect.equal levels [| 0; 1; 0; 1; 0; 1 |] "two numbers in each list"
              let texts, numbers, _ = written bare ".parquet" parquetColumns
              Expect.isEmpty texts "without paths and labels"
              Expect.equal numbers values "numbers alone"
          }

          test "npy, with a header as NumPy writes it, and labels beside it" {
              inFolder (fun root ->
                  let path = Path.Combine(root, "out.npy")
                  EmbeddingFiles.Write(path, table)
                  let bytes = File.ReadAllBytes path
                  let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
                  Expect.equal (Encoding.Latin1.GetString(bytes, 0, 10)) "\u0093NUMPY\001\000\118\000" "prefix"
                  Expect.equal (Encoding.Latin1.GetString(bytes, 10, 118)) (header.PadRight 117 + "\n") "header"
                  Expect.equal bytes.Length (128 + 24) "data begins at a multiple of 64"
                  let read = LabelledEmbeddings.Read path
                  Expect.equal (read.Count, read.Dimension, read.IsDouble) (3, 2, false) "read back"
                  Expect.sequenceEqual read.Labels labels "labels"
                  EmbeddingFiles.Write(path, bare)
                  rejects [ "no labels given"; "out.labels.csv" ] (fun () -> LabelledEmbeddings.Read path |> ignore))
          }

          test "refused before and while writing" {
              inFolder (fun root ->
                  rejects [ "'.txt'"; ".npy .csv .jsonl .parquet" ] (fun () -> EmbeddingFiles.Check(Path.Combine(root, "x.txt")))
                  rejects [ "no folder" ] (fun () -> EmbeddingFiles.Check(Path.Combine(root, "no", "x.csv")))
                  let broken = EmbeddingTable([| 1.0f; nanf |], 2, 1)
                  rejects [ "rows 1" ] (fun () -> EmbeddingFiles.Write(Path.Combine(root, "x.csv"), broken))
                  Expect.isEmpty (Directory.GetFiles root) "nothing written")
          } ]

let private file (root: string) (name: string) (text: string) =
    let path = Path.Combine(root, name)
    File.WriteAllText(path, text)
    path

let private npy (root: string) (name: string) (array: NamedArray) =
    let path = Path.Combine(root, name)
    AtomicFile.Write(path, fun stream -> Npy.Write(stream, array))
    path

/// The first case of the golden metrics.
let private goldenCase () =
    use document = JsonDocument.Parse(File.ReadAllText(golden "metrics.json"))
    document.RootElement[0].Clone()

let private readers =
    testList
        "read"
        [ test "golden metrics from JSON and from npy in double precision" {
              inFolder (fun root ->
                  let case = goldenCase ()
                  let expected = case.GetProperty("metrics").GetProperty("map_at_r").GetDouble()
                  let json = LabelledEmbeddings.Read(file root "g.json" (case.GetRawText()))

                  let rows =
                      [| for row in case.GetProperty("embeddings").EnumerateArray() do
                             for x in row.EnumerateArray() -> x.GetDouble() |]

                  let numbers = [| for label in case.GetProperty("labels").EnumerateArray() -> label.GetInt64() |]

                  let path = npy root "g.npy" (NamedArray.Of("g", [| 60L; 5L |], ReadOnlySpan<float> rows))

                  npy root "g.labels.npy" (NamedArray.Of("l", [| 60L |], ReadOnlySpan<int64> numbers)) |> ignore

                  for read in [ json; LabelledEmbeddings.Read path ] do
                      Expect.isTrue read.IsDouble "double"
                      Expect.isLessThan (abs (read.Evaluate().MapAtR - expected)) 1e-9 "MAP@R")
          }

          test "labels as text lines and as a column" {
              inFolder (fun root ->
                  let path = npy root "e.npy" (NamedArray.Of("e", [| 2L; 1L |], ReadOnlySpan<float32> [| 1.0f; 2.0f |]))

                  let read name text = List.ofSeq (LabelledEmbeddings.Read(path, file root name text)).Labels

                  Expect.equal (read "l.txt" "a\r\nb\r\n") [ "a"; "b" ] "txt"
                  Expect.equal (read "l.csv" "a\nb\n") [ "a"; "b" ] "only column"
                  Expect.equal (read "l.csv" "path,Label\n1.png,a\n2.png,b\n") [ "a"; "b" ] "column by name"
                  rejects [ "2 embeddings but 1 labels" ] (fun () -> read "l.txt" "a" |> ignore)
                  rejects [ "line 3"; "1 fields" ] (fun () -> read "l.csv" "path,label\n1.png,a\n2.png" |> ignore)
                  rejects [ "no column 'label'" ] (fun () -> read "l.csv" "a,b\nc,d" |> ignore)
                  file root "e.labels.txt" "a\nb" |> ignore
                  file root "e.labels.csv" "a\nb" |> ignore
                  rejects [ "more than one" ] (fun () -> LabelledEmbeddings.Read path |> ignore))
          }

          for text, words in
              [ "[1]", [ "found a list where"; "embeddings" ]
                "{", [ "not valid JSON" ]
                "{}", [ "no list 'embeddings'"; "no list 'labels'" ]
                "{\"embeddings\":[[1,2],[3],4,[5,\"x\"]],\"labels\":[1,null]}",
                [ "embedding 1"
                  "expected 2 numbers"
                  "embedding 2"
                  "embedding 3"
                  "\"x\""
                  "label 1 (counted from 0) is null, not text or a number" ]
                "{\"embeddings\":[[1],[2]],\"labels\":[1]}", [ "2 embeddings but 1 labels" ]
                "{\"embeddings\":[[1]],\"labels\":[1]}", [ "at least 2" ] ] do
              test $"JSON refused: {text}" {
                  inFolder (fun root ->
                      rejects ("x.json" :: words) (fun () -> LabelledEmbeddings.Read(file root "x.json" text).Evaluate() |> ignore))
              }

          for header, data, words in
              [ "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, [ "'<c8'"; "<f4" ]
                "{'descr': '<U21', 'fortran_order': False, 'shape': (1,), }", 84, [ "'<U21'"; ".txt"; ".csv" ]
                "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 4, [ "Fortran" ]
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, [ "4 bytes"; "[2]" ]
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4, [ "size" ]
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, [ "cannot be parsed" ] ] do
              test $"npy refused: {header}" {
                  inFolder (fun root ->
                      let path = Path.Combine(root, "x.npy")
                      let length = BitConverter.GetBytes(int16 header.Length)
                      let start = [| 0x93uy; yield! "NUMPY"B; 1uy; 0uy |]
                      File.WriteAllBytes(path, Array.concat [ start; length; Encoding.ASCII.GetBytes header; Array.zeroCreate data ])
                      rejects (path :: words) (fun () -> Npy.Read path |> ignore))
              }

          test "npy of every type round trips" {
              inFolder (fun root ->
                  for kind in Enum.GetValues<ElementType>() |> Array.except [ ElementType.BF16 ] do
                      for shape in [ [||]; [| 3L |]; [| 2L; 0L; 4L |]; [| 2L; 3L |] ] do
                          let data = Array.init (int (Array.fold (*) 1L shape) * kind.Size()) byte
                          let path: string = npy root "x.npy" (NamedArray("x", kind, shape, data))
                          use stream = File.OpenRead path

                          for read in [ Npy.Read path; Npy.Read(stream, "x") ] do
                              Expect.equal
                                  (read.Name, read.Type, Array.ofSeq read.Shape, read.Data.ToArray())
                                  ("x", kind, shape, data)
                                  $"{kind} {shape}"

                  rejects [ "of a shop"; "does not begin like one" ] (fun () ->
                      use text = new MemoryStream("no array"B)
                      Npy.Read(text, "of a shop") |> ignore))
          } ]

let tests = testList "EmbeddingFile" [ writers; readers ]
