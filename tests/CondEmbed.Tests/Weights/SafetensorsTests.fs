module CondEmbed.Tests.SafetensorsTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.WeightFiles
open CondEmbed.Tests.Support

let private filled (random: Random) name (kind: ElementType) (shape: int64 list) =
    let data = Array.zeroCreate<byte>(int (List.fold (*) 1L shape) * kind.Size())
    random.NextBytes data
    NamedArray(name, kind, List.toArray shape, data)

let private same (expected: NamedArray) (actual: NamedArray) =
    Expect.equal
        (actual.Name, actual.Type, List.ofSeq actual.Shape)
        (expected.Name, expected.Type, List.ofSeq expected.Shape)
        "name, type, shape"

    Expect.isTrue (actual.Data.Span.SequenceEqual expected.Data.Span) $"bytes of {expected.Name}"

let private arrays =
    gen {
        let! count = Gen.choose (0, 6)
        let! seed = Gen.choose (0, 100000)
        let random = Random seed
        let kinds = Enum.GetValues<ElementType>()

        return
            [ for i in 0 .. count - 1 ->
                  let shape = [ for _ in 1 .. random.Next 4 -> int64 (random.Next 5) ]
                  filled random $"layer{i}.\"ü\\n{random.Next 9}.weight" kinds[random.Next kinds.Length] shape ]
    }

/// A safetensors file of any header and data.
let private raw (root: string) (header: string) (data: int) =
    let path = Path.Combine(root, "made.safetensors")
    let json = Encoding.UTF8.GetBytes header
    File.WriteAllBytes(path, Array.concat [ BitConverter.GetBytes(int64 json.Length); json; Array.zeroCreate data ])
    path

let private badHeaders =
    let entry name fields = $"{{\"{name}\":{{{fields}}}}}"
    let good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"

    [ "no JSON", "{", 0, [ "not valid JSON" ]
      "not an object", "[]", 0, [ "is a list, not an object" ]
      "trailing text", "{} x", 0, [ "not valid JSON" ]
      "unknown dtype", entry "w" "\"dtype\":\"F99\",\"shape\":[2],\"data_offsets\":[0,8]", 8, [ "'w'"; "F99"; "BF16" ]
      "missing field", entry "w" "\"dtype\":\"F32\",\"shape\":[2]", 8, [ "'w'"; "data_offsets are required" ]
      "unknown field", entry "w" (good + ",\"more\":1"), 8, [ "'w'"; "'more'" ]
      "field twice", entry "w" (good + ",\"dtype\":\"F32\""), 8, [ "'w'"; "'dtype'" ]
      "tensor twice", $"{{\"w\":{{{good}}},\"w\":{{{good}}}}}", 8, [ "'w' appears twice" ]
      "beyond the file", entry "w" "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]", 8, [ "'w'"; "[4, 12]"; "8 bytes" ]
      "backwards", entry "w" "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]", 8, [ "'w'" ]
      "negative offset", entry "w" "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]", 8, [ "'w'"; "-8" ]
      "huge number", entry "w" "\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]", 8, [ "'w'" ]
      "shape that overflows",
      entry "w" "\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,0]",
      0,
      [ "'w'"; "does not fill" ]
      "shape too small",
      entry "w" "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]",
      8,
      [ "'w'"; "F32 [1] does not fill its 8 bytes" ]
      "overlap", $"{{\"a\":{{{good}}},\"b\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}}}", 12, [ "'b'"; "overlap" ]
      "hole", entry "w" "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]", 12, [ "'w'"; "gap" ]
      "data too long", entry "w" good, 9, [ "end at byte 8"; "there are 9" ]
      "metadata that is no text", "{\"__metadata__\":{\"a\":1}}", 0, [ "__metadata__ 'a' is a number, not text" ]
      "broken text", "{\"\\ud800\":1}", 0, [ "Unicode" ] ]

let tests =
    testList
        "Safetensors"
        [ testCase "what is written is read, and written again byte for byte"
          <| fun () ->
              let property (written: NamedArray list) =
                  use first = new MemoryStream()
                  let metadata = [ KeyValuePair("step", "12"); KeyValuePair("a \"b\"", "ü\n") ]
                  Safetensors.Write(first, List.toArray written, metadata)

                  inFolder (fun root ->
                      let path = Path.Combine(root, "x.safetensors")
                      File.WriteAllBytes(path, first.ToArray())
                      let read = Safetensors.Read path
                      Expect.equal read.Arrays.Count written.Length "arrays"
                      Seq.iter2 same written read.Arrays
                      Expect.equal (List.ofSeq read.Metadata) metadata "metadata"
                      Expect.equal (read.Text "step") "12" "one text"
                      Expect.equal (BitConverter.ToInt64(first.ToArray(), 0) % 8L) 0L "data begins at a multiple of 8"
                      Safetensors.Write(path, read.Arrays, read.Metadata)
                      Expect.equal (File.ReadAllBytes path) (first.ToArray()) "bytes")

              Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll (Arb.fromGen arrays) property)

          for name, header, data, words in badHeaders do
              test $"refused: {name}" {
                  inFolder (fun root -> rejects ("made.safetensors" :: words) (fun () -> Safetensors.Read(raw root header data) |> ignore))
              }

          test "refused: cut off, too long a header, missing file" {
              inFolder (fun root ->
                  let path = Path.Combine(root, "cut.safetensors")
                  let read () = Safetensors.Read path |> ignore
                  rejects [ path; "cannot be read" ] read
                  File.WriteAllBytes(path, [| 1uy; 2uy |])
                  rejects [ path; "2 bytes are too few" ] read
                  File.WriteAllBytes(path, BitConverter.GetBytes 1000L)
                  rejects [ path; "header of 1000 bytes" ] read
                  File.WriteAllBytes(path, BitConverter.GetBytes -1L)
                  rejects [ path; "header of 18446744073709551615 bytes" ] read
                  File.WriteAllBytes(path, BitConverter.GetBytes Int64.MinValue)
                  rejects [ path; "header of 9223372036854775808 bytes" ] read)
          }

          testCase "a file with a byte changed is read or refused, never anything else" (fun () ->
              inFolder (fun root ->
                  let path = Path.Combine(root, "x.safetensors")

                  Safetensors.Write(
                      path,
                      [| filled (Random 1) "a" ElementType.F32 [ 2L; 3L ]; filled (Random 2) "b" ElementType.I8 [ 5L ] |]
                  )

                  let whole = File.ReadAllBytes path
                  let random = Random 6

                  [ for at in 0 .. whole.Length - 1 do
                        File.WriteAllBytes(path, Array.updateAt at (byte (random.Next 256)) whole)
                        isRead (fun () -> Safetensors.Read path |> ignore) ]
                  |> expectReadAndRefused 20 20))

          test "a compact header, as the format's own library writes it, comes back byte for byte" {
              inFolder (fun root ->
                  let entry = "\"w\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]}"
                  let header = $"{{\"__metadata__\":{{\"format\":\"pt\"}},{entry}}}"
                  let path = raw root (header.PadRight((header.Length + 7) / 8 * 8)) 8
                  let bytes = File.ReadAllBytes path
                  let file = Safetensors.Read path
                  Safetensors.Write(path, file.Arrays, file.Metadata)
                  Expect.equal (File.ReadAllBytes path) bytes "bytes")
          }

          test "a name cannot be used twice" {
              let twice = [| filled (Random 1) "a" ElementType.U8 [ 1L ]; filled (Random 1) "a" ElementType.U8 [ 1L ] |]

              use stream = new MemoryStream()
              Expect.throwsT<ArgumentException> (fun () -> Safetensors.Write(stream, twice)) "twice"
          }

          test "half precision widens to single precision" {
              let bytes (values: uint16 list) = values |> List.map BitConverter.GetBytes |> Array.concat

              let widened kind values = NamedArray("h", kind, [| int64 (List.length values) |], bytes values).Widened()

              let singles (array: NamedArray) = [ for i in 0 .. array.Count - 1 -> BitConverter.ToSingle(array.Data.Span.Slice(4 * i)) ]

              Expect.equal
                  (singles (widened ElementType.F16 [ 0x3C00us; 0xC000us; 0x0001us; 0x7C00us ]))
                  [ 1.0f; -2.0f; 5.9604645e-8f; infinityf ]
                  "F16"

              Expect.equal (singles (widened ElementType.BF16 [ 0x3F80us; 0xC000us; 0x7F80us ])) [ 1.0f; -2.0f; infinityf ] "BF16"
          }

          test "published ResNet-50 weights round trip" {
              let path = sharedData "resnet50_imagenet.safetensors"
              let file = Safetensors.Read path

              let shapeOf name = file.Arrays |> Seq.find (fun array -> array.Name = name) |> _.Shape |> List.ofSeq

              Expect.equal (shapeOf "conv1.weight") [ 64L; 3L; 7L; 7L ] "first convolution"

              inFolder (fun root ->
                  let copy = Path.Combine(root, "copy.safetensors")
                  Safetensors.Write(copy, file.Arrays, file.Metadata)
                  let again = Safetensors.Read copy
                  Seq.iter2 same file.Arrays again.Arrays
                  Expect.equal (List.ofSeq again.Metadata) (List.ofSeq file.Metadata) "metadata")
          } ]
