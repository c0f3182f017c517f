module CondEmbed.Tests.MatTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open FsCheck.FSharp
open CondEmbed
open CondEmbed.Datasets
open CondEmbed.Tests.MatSupport
open CondEmbed.Tests.Support

let private reading (bytes: byte array) (test: IReadOnlyDictionary<string, MatArray> -> 'a) = test (MatFile.Parse("made.mat", bytes))

let private refuses words bytes = rejects ("made.mat" :: words) (fun () -> reading bytes ignore)

/// What was read, as it was written.
let rec private same (written: Mat) (found: MatArray) =
    match written, found with
    | Nothing, (:? MatOther) -> true
    | Number(dimensions, _, _, values), (:? MatNumbers as found) ->
        List.ofSeq found.Dimensions = dimensions && List.ofSeq found.Values = values
    | Letters(text, _), (:? MatText as found) -> found.Text = text
    | Cell values, (:? MatCells as found) -> values.Length = found.Cells.Count && Seq.forall2 same values found.Cells
    | Struct(fields, elements), (:? MatStructs as found) ->
        found.Count = (if fields.IsEmpty then 0 else elements.Length)
        && List.ofSeq found.Fields = fields
        && Seq.forall2 same (List.concat elements) found.Values
        && elements
           |> List.indexed
           |> List.forall (fun (at, values) -> List.forall2 (fun field value -> same value (found.Field(at, field))) fields values)
    | _ -> false

let private values =
    let numbers =
        gen {
            // The class says what the numbers are, the stored type how they lie in the file: MATLAB stores doubles as bytes where they fit.
            let! kind = Gen.choose (6, 15)

            let! stored, low, high =
                Gen.elements
                    [ 1, -100, 100
                      2, 0, 200
                      3, -3000, 3000
                      4, 0, 60000
                      5, -70000, 70000
                      6, 0, 70000
                      7, -9, 9
                      9, -9, 9
                      12, -9, 9
                      13, 0, 9 ]

            let! rows, columns = Gen.zip (Gen.choose (0, 3)) (Gen.choose (0, 3))
            let! values = Gen.listOfLength (rows * columns) (Gen.choose (low, high))
            return Number([ rows; columns ], kind, stored, List.map float values)
        }

    let letters =
        gen {
            let! text = Gen.listOf (Gen.elements [ 'a' .. 'z' ])
            let! stored = Gen.elements [ 1; 2; 4; 16; 17 ]
            return Letters(String(List.toArray text), stored)
        }

    let rec upTo depth =
        if depth = 0 then
            Gen.oneof [ numbers; letters; Gen.constant Nothing ]
        else
            let inner = upTo (depth - 1)

            Gen.oneof
                [ numbers
                  letters
                  Gen.map Cell (Gen.resize 4 (Gen.listOf inner))
                  gen {
                      let! count = Gen.choose (0, 3)
                      let! elements = Gen.resize 4 (Gen.listOf (Gen.listOfLength count inner))
                      return Struct([ for i in 1..count -> $"field{i}" ], elements)
                  } ]

    upTo 3

let private forms =
    Gen.elements
        [ for bigEndian in [ true; false ] do
              for compressed in [ true; false ] do
                  for small in [ true; false ] -> { BigEndian = bigEndian; Compressed = compressed; Small = small } ]

let private good =
    testList
        "good files"
        [ testPropertyWithConfig
              (fewCases 200)
              "what is written is read, in either byte order, compressed or not, with small elements or without"
              (Prop.forAll (Arb.fromGen (Gen.zip forms (Gen.zip values values))) (fun (form, (one, two)) ->
                  reading (file form [ "one", one; "two", two ]) (fun found ->
                      (one = Nothing || same one found["one"]) && (two = Nothing || same two found["two"]))))

          test "letters of several rows, texts that are not ASCII, and kinds that are passed over" {
              let matrix = Array.append (head plain 4 [ 2; 3 ] "rows") (element plain 16 "acbd e"B) |> element plain 14
              let sparse = Array.append (head plain 5 [ 2; 2 ] "sparse") (element plain 9 [||]) |> element plain 14
              let opaque = element plain 14 (element plain 6 (BitConverter.GetBytes 17L))

              reading (fileOf plain [ matrix; sparse; opaque; MatSupport.matrix plain "name" (Letters("Citroën", 16)) ]) (fun found ->
                  Expect.equal (found["rows"] :?> MatText).Text "ab cde" "MATLAB counts down the columns"
                  Expect.isTrue (found["sparse"] :? MatOther) "sparse"
                  Expect.equal (found["name"] :?> MatText).Text "Citroën" "UTF-8")
          }

          test "the lists that are published for CARS196" {
              use archive = Compression.ZipFile.OpenRead(sharedData "annotations.zip")

              let variables name =
                  use source = archive.GetEntry($"annotations/devkit/{name}.mat").Open()
                  use target = new MemoryStream()
                  source.CopyTo target
                  reading (target.ToArray()) id

              let names = (variables "cars_meta")["class_names"] :?> MatCells
              Expect.equal names.Cells.Count 196 "classes"
              let name number = (names.Cells[number - 1] :?> MatText).Text
              Expect.equal (name 1, name 196) ("AM General Hummer SUV 2000", "smart fortwo Convertible 2012") "names"

              for number in 1..196 do
                  Expect.equal (CarsDataset.RoleOf(name number)) (CarsDataset.RoleOf(number: int)) "the name alone tells the half"

              let rows = (variables "cars_train_annos")["annotations"] :?> MatStructs
              Expect.equal rows.Count 8144 "images"
              let first field = (rows.Field(0, field) :?> MatNumbers).Values[0]

              Expect.equal
                  [ for field in [ "bbox_x1"; "bbox_y1"; "bbox_x2"; "bbox_y2"; "class" ] -> first field ]
                  [ 39.0; 116.0; 569.0; 375.0; 14.0 ]
                  "the first"

              Expect.equal (rows.Field(8143, "fname") :?> MatText).Text "08144.jpg" "the last"
          } ]

let private sample =
    [ "a", Struct([ "x"; "name" ], [ [ number 1; text "one" ]; [ number 2; text "two" ] ])
      "b", Cell [ text "c"; Nothing ] ]

/// Reads what may be anything: a value, or an InputException, and nothing else.
let private survives bytes = isRead (fun () -> reading bytes ignore)

let private hostile =
    testList
        "hostile files"
        [ test "a file that is cut off anywhere, or has any byte changed, is read or refused, never more" {
              for form in [ plain; { plain with BigEndian = true; Small = false }; { plain with Compressed = true } ] do
                  let whole = file form sample

                  [ for length in 0 .. whole.Length - 1 -> survives whole[.. length - 1] ]
                  |> expectReadAndRefused 1 (whole.Length / 2)

                  [ for at in 124 .. whole.Length - 1 do
                        for value in [ 0uy; 0x7fuy; 0xffuy; whole[at] ^^^ 0x10uy ] do
                            survives (Array.updateAt at value whole) ]
                  |> expectReadAndRefused 20 50
          }

          test "files that are not there, or too large" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "large.mat")
                  rejects [ "large.mat"; "cannot be read" ] (fun () -> MatFile.Read path |> ignore)

                  (use file = File.Create path
                   file.SetLength(17L <<< 20))

                  rejects [ "large.mat"; "larger than 16 MiB" ] (fun () -> MatFile.Read path |> ignore)
                  let link = Path.Combine(folder, "link.mat")
                  File.CreateSymbolicLink(link, path) |> ignore
                  rejects [ "link.mat"; "larger than 16 MiB" ] (fun () -> MatFile.Read link |> ignore)
                  File.WriteAllBytes(path, file plain sample)
                  Expect.equal (MatFile.Read path).Count 2 "a good one"
                  Expect.equal (MatFile.Read link).Count 2 "by a link")
          }

          test "other files, and those of another version" {
              refuses [ "level 5" ] [||]
              refuses [ "level 5" ] (Array.zeroCreate 500)
              refuses [ "7.3"; "-v7" ] (Array.append "MATLAB 7.3 MAT-file"B (Array.zeroCreate 500))
          }

          test "a few bytes that unpack to very many are refused before they do" {
              let bomb = packed (Array.zeroCreate (256 <<< 20))
              let tag = Array.append (BitConverter.GetBytes 15) (BitConverter.GetBytes bomb.Length)
              let bytes = Array.concat [ file plain []; tag; bomb ]
              let before = GC.GetTotalAllocatedBytes true
              refuses [ "unpacks to more than 16 MiB" ] bytes
              Expect.isLessThan (GC.GetTotalAllocatedBytes true - before) (120L <<< 20) "memory taken in all"
          }

          test "very many compressed parts take little memory each" {
              let empty = Array.append (BitConverter.GetBytes 1) (BitConverter.GetBytes 0)
              let bytes = fileOf { plain with Compressed = true } (List.replicate 6000 empty)
              let before = GC.GetTotalAllocatedBytes true
              Expect.isEmpty (MatFile.Parse("many.mat", bytes)) "none of them is a variable"
              Expect.isLessThan (GC.GetTotalAllocatedBytes true - before) (64L <<< 20) "memory taken in all"
          }

          test "counts and lengths that cannot be" {
              let huge kind more = fileOf plain [ Array.append (head plain kind [ 4000; 4000 ] "a") more |> element plain 14 ]
              refuses [ "16000000 values do not fit into" ] (huge 1 [||])
              refuses [ "16000000 numbers holds 1" ] (huge 6 (element plain 9 (Array.zeroCreate 8)))
              let wide = fileOf plain [ head plain 6 [ 2000000000; 2000000000 ] "a" |> element plain 14 ]
              refuses [ "claims to have" ] wide
              let long = fileOf plain [ Array.append (BitConverter.GetBytes 14) (BitConverter.GetBytes Int32.MaxValue) ]
              refuses [ "2147483647 bytes, but only 0 are left" ] long
          }

          test "values that lie in each other without end" {
              let deep = Seq.fold (fun value _ -> Cell [ value ]) (number 1) (seq { 1..40 })
              refuses [ "nested more than" ] (file plain [ "a", deep ])
          } ]

let tests = testList "MAT-files" [ good; hostile ]
