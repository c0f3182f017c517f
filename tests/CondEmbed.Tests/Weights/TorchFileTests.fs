/// PyTorch's files: real ones, and views against loops.
module CondEmbed.Tests.TorchFileTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.WeightFiles
open CondEmbed.Tests.Support
open CondEmbed.Tests.PickleWriter

/// Every number of an array, as a double.
let numbersOf (array: NamedArray) =
    let bytes = array.Data.ToArray()

    [ for i in 0 .. array.Count - 1 do
          let at = i * array.Type.Size()

          match array.Type with
          | ElementType.F64 -> BitConverter.ToDouble(bytes, at)
          | ElementType.F32 -> float (BitConverter.ToSingle(bytes, at))
          | ElementType.F16 -> float (BitConverter.ToHalf(bytes, at))
          | ElementType.BF16 -> float (BitConverter.UInt32BitsToSingle(uint32 (BitConverter.ToUInt16(bytes, at)) <<< 16))
          | ElementType.I64 -> float (BitConverter.ToInt64(bytes, at))
          | ElementType.I32 -> float (BitConverter.ToInt32(bytes, at))
          | ElementType.I16 -> float (BitConverter.ToInt16(bytes, at))
          | ElementType.I8 -> float (sbyte bytes[at])
          | _ -> float bytes[at] ]

let private typeNames =
    dict
        [ "torch.float64", ElementType.F64
          "torch.float32", ElementType.F32
          "torch.float16", ElementType.F16
          "torch.bfloat16", ElementType.BF16
          "torch.int64", ElementType.I64
          "torch.int32", ElementType.I32
          "torch.int16", ElementType.I16
          "torch.int8", ElementType.I8
          "torch.uint8", ElementType.U8
          "torch.bool", ElementType.Bool ]

/// `torch.pth` of a folder holds what `torch.json` beside it says.
let private agrees folder =
    let file = WeightFile.Read(Path.Combine(folder, "torch.pth"))
    use expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "torch.json")))
    Expect.equal file.Format "PyTorch" "format"
    Expect.equal (List.ofSeq file.Notes) [ "took 'state_dict' and left out 'epoch', 'optimizer'" ] "notes"
    Expect.equal file.Arrays.Count (expected.RootElement.GetArrayLength()) "tensors"

    for entry, array in Seq.zip (expected.RootElement.EnumerateArray()) file.Arrays do
        let name = entry.GetProperty("name").GetString()
        let list (key: string) = [ for item in entry.GetProperty(key).EnumerateArray() -> item.GetDouble() ]
        Expect.equal array.Name name "name"
        Expect.equal array.Type typeNames[entry.GetProperty("type").GetString()] name
        Expect.equal [ for size in array.Shape -> float size ] (list "shape") name
        Expect.equal (numbersOf array) (list "values") name

/// A Python that has torch, if there is one.
let private python =
    lazy
        ([ "python3"; "/usr/bin/python3" ]
         |> List.tryFind (fun program ->
             try
                 let info = ProcessStartInfo(program, [ "-c"; "import torch" ], RedirectStandardError = true)
                 use child = Process.Start info
                 child.StandardError.ReadToEnd() |> ignore
                 child.WaitForExit()
                 child.ExitCode = 0
             with :? ComponentModel.Win32Exception ->
                 false))

/// A view of 60 elements: offset, shape and strides that stay within it.
let private views =
    gen {
        let! shape = Gen.listOf (Gen.choose (0, 3)) |> Gen.map (List.truncate 4)
        let! strides = Gen.listOfLength shape.Length (Gen.choose (0, 5))
        let last = List.map2 (fun size stride -> (max size 1 - 1) * stride) shape strides |> List.sum
        let! offset = Gen.choose (0, 59 - last)
        return offset, shape, strides
    }

/// The elements of a view by a loop for each dimension.
let rec private walk at (shape: int list) (strides: int list) =
    match shape, strides with
    | size :: shape, stride :: strides ->
        [ for i in 0 .. size - 1 do
              yield! walk (at + i * stride) shape strides ]
    | _ -> [ float at ]

let tests =
    testList
        "PyTorch"
        [ test "a file that torch.save wrote: views, every type, shared storages, nested, with an optimiser" {
              agrees (Path.GetDirectoryName(golden "weights/torch.pth"))
          }

          test "a file that torch.save writes now" {
              match python.Value with
              | None -> skiptest "there is no Python with torch"
              | Some program ->
                  inFolder (fun folder ->
                      use child = Process.Start(program, [ golden "weights/make.py"; folder ])
                      child.WaitForExit()
                      Expect.equal child.ExitCode 0 "make.py"
                      agrees folder)
          }

          testPropertyWithConfig (fewCases 60) "any view is read as a loop reads it"
          <| Prop.forAll (Arb.fromGen views) (fun (offset, shape, strides) ->
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "view.bin")
                  let longs = List.map int64
                  let view = tensor (storage "Float" "0" 60L) (int64 offset) (longs shape) (longs strides)
                  torchFile path (Dictionary [ Text "w", view ]) [ "0", singles [ for i in 0..59 -> float32 i ] ]
                  let array = WeightFile.Read(path).Arrays[0]
                  Expect.equal (List.ofSeq array.Shape) (longs shape) "shape"
                  Expect.equal (numbersOf array) (walk offset shape strides) "numbers"))

          test "wrappers are taken off, the teacher's before the student's, and what lies deeper has a dotted name" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "dino.pth")
                  let one at = tensor (storage "Float" "0" 4L) at [ 1L ] [ 1L ]
                  let network at = Dictionary [ Text "backbone", Dictionary [ Text "w", one at ]; Text "epoch", Whole 3L ]

                  torchFile
                      path
                      (Dictionary [ Text "student", network 1L; Text "teacher", network 2L; Text "note", None' ])
                      [ "0", singles [ 0f; 1f; 2f; 3f ] ]

                  let file = WeightFile.Read path
                  Expect.equal [ for array in file.Arrays -> array.Name, numbersOf array ] [ "backbone.w", [ 2.0 ] ] "the teacher's"

                  Expect.equal
                      (List.ofSeq file.Notes)
                      [ "took 'teacher' and left out 'student', 'note'"; "weights_part = student takes 'student' instead" ]
                      "notes")
          }

          test "numbers of numpy's, options, paths and dates beside the tensors are data" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "data.pth")
                  let float64 = Call("numpy.dtype", [ Text "f8"; Flag false; Flag true ])
                  let encoded = Call("_codecs.encode", [ Text "\000\000"; Text "latin1" ])

                  let beside =
                      [ for core in [ "numpy.core"; "numpy._core" ] do
                            Call($"{core}.multiarray.scalar", [ float64; encoded ])

                            Sequence
                                [ Call($"{core}.multiarray._reconstruct", [ Global "numpy.ndarray"; Tuple [ Whole 0L ]; encoded ])
                                  Tuple [ Whole 1L; Tuple [ Whole 3L ]; float64; Flag false; encoded ]
                                  Raw [ byte 'b' ] ]
                        Sequence
                            [ Global "argparse.Namespace"
                              Tuple []
                              Raw [ 0x81uy ]
                              Dictionary [ Text "lr", Whole 1L ]
                              Raw [ byte 'b' ] ]
                        Call("pathlib.PosixPath", [ Text "/"; Text "data" ])
                        Call("datetime.datetime", [ encoded ])
                        Call("collections.defaultdict", [ Global "__builtin__.list" ])
                        Call("torch.device", [ Text "cpu" ])
                        Global "torch.float32" ]

                  let state = Dictionary [ Text "w", tensor (storage "Float" "0" 1L) 0L [ 1L ] [ 1L ] ]
                  torchFile path (Dictionary [ Text "state_dict", state; Text "best", List beside ]) [ "0", singles [ 7f ] ]
                  let file = WeightFile.Read path
                  Expect.equal [ for array in file.Arrays -> array.Name, numbersOf array ] [ "w", [ 7.0 ] ] "the tensors"
                  Expect.equal (List.ofSeq file.Notes) [ "took 'state_dict' and left out 'best'" ] "notes")
          }

          test "a part is taken by its key or by the beginning of names, and one that is not there is refused" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "parts.pth")
                  let one at = tensor (storage "Float" "0" 4L) at [ 1L ] [ 1L ]

                  torchFile
                      path
                      (Dictionary
                          [ Text "state_dict", Dictionary [ Text "q.w", one 0L; Text "k.w", one 1L ]
                            Text "state_dict_ema", Dictionary [ Text "w", one 2L ] ])
                      [ "0", singles [ 0f; 1f; 2f; 3f ] ]

                  let found (part: string) = [ for array in WeightFile.Read(path, part).Arrays -> array.Name, numbersOf array ]
                  Expect.equal (found "") [ "q.w", [ 0.0 ]; "k.w", [ 1.0 ] ] "the usual"

                  Expect.stringContains
                      (String.concat "\n" (WeightFile.Read path).Notes)
                      "weights_part = state_dict_ema"
                      "the other is named"

                  Expect.equal (found "state_dict_ema") [ "w", [ 2.0 ] ] "by key"
                  Expect.equal (found "k") [ "k.w", [ 1.0 ] ] "by name"
                  rejects [ path; "'ema'"; "'state_dict_ema'" ] (fun () -> found "ema" |> ignore)
                  let only = Path.Combine(folder, "only.pth")
                  torchFile only (Dictionary [ Text "model_ema", Dictionary [ Text "w", one 3L ] ]) [ "0", singles [ 0f; 1f; 2f; 3f ] ]
                  Expect.equal [ for array in (WeightFile.Read only).Arrays -> array.Name ] [ "w" ] "an average alone is taken"

                  let safetensors = Path.Combine(folder, "parts.bin")
                  (WeightFile.Read path).Save safetensors
                  let again = WeightFile.Read(safetensors, "k")
                  Expect.equal (again.Format, [ for array in again.Arrays -> array.Name ]) ("safetensors", [ "k.w" ]) "another format")
          }

          test "the format is told by the content, whatever the ending" {
              inFolder (fun folder ->
                  let named (ending: string) = Path.Combine(folder, "w" + ending)
                  let file = WeightFile.Read(golden "weights/torch.pth")
                  file.Save(named ".safetensors")

                  for ending in [ ".bin"; ".pth"; ".pt"; ".ckpt"; "" ] do
                      File.Copy(named ".safetensors", named ending)
                      Expect.equal (WeightFile.Read(named ending)).Format "safetensors" ending

                  File.Copy(golden "weights/torch.pth", named ".safetensors", overwrite = true)
                  Expect.equal (WeightFile.Read(named ".safetensors")).Format "PyTorch" "and the reverse")
          }

          test "what is read can be saved as safetensors, and is the same" {
              inFolder (fun folder ->
                  let file = WeightFile.Read(golden "weights/torch.pth")
                  let path = Path.Combine(folder, "copy.safetensors")
                  file.Save path
                  let again = WeightFile.Read path
                  Expect.equal (again.Text "source") "torch.pth" "source"

                  for a, b in Seq.zip file.Arrays again.Arrays do
                      Expect.equal (b.Name, b.Type, List.ofSeq b.Shape) (a.Name, a.Type, List.ofSeq a.Shape) "what it is"
                      Expect.isTrue (b.Data.Span.SequenceEqual a.Data.Span) a.Name)
          } ]
