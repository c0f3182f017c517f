/// PyTorch files that are broken, hostile or of another kind: refused with the reason, in bounded memory.
module CondEmbed.Tests.TorchRefusalTests

open System
open System.IO
open System.Text
open Expecto
open CondEmbed.WeightFiles
open CondEmbed.Tests.Support
open CondEmbed.Tests.PickleWriter

let private read path = WeightFile.Read path |> ignore

/// A file of a value and of a storage '0' of 4 floats.
let private made (value: Value) path = torchFile path value [ "0", singles [ 0f; 1f; 2f; 3f ] ]

let private four = storage "Float" "0" 4L

let private weight value = Dictionary [ Text "w", value ]

/// A dictionary that holds itself, by the memo.
let private endless = Raw(Encoding.ASCII.GetBytes "}q\000X\005\000\000\000innerh\000s" |> List.ofArray)

/// Each dictionary holds the one before a hundred times: 100^6 names in some 10 kB.
let private laughs =
    let keep place = Raw [ byte 'q'; byte place; byte '0' ]
    let recall place = Raw [ byte 'h'; byte place ]

    Sequence
        [ weight (tensor four 0L [ 1L ] [ 1L ])
          keep 0
          for place in 1..6 do
              Dictionary [ for i in 0..99 -> Text $"k{i}", recall (place - 1) ]
              keep place
          recall 6 ]

/// A dictionary of many tensors under one long name.
let private prefixed length count =
    let one =
        Sequence
            [ tensor four 0L [ 1L ] [ 1L ]
              Raw [ byte 'q'; 0uy; byte '0' ]
              Dictionary [ for i in 1..count -> Whole(int64 i), Raw [ byte 'h'; 0uy ] ] ]

    Dictionary [ Text(String('y', length)), one ]

let private hostile: (string * (string -> unit) * string list) list =
    [ "calls os.system",
      made (weight (Call("os.system", [ Text "touch pwned" ]))),
      [ "'os.system'"; "no Python code is ever run"; "state_dict" ]
      "calls builtins.eval", made (Call("builtins.eval", [ Text "1" ])), [ "'builtins.eval'" ]
      "a whole module", made (Global "torchvision.models.resnet.ResNet"), [ "'torchvision.models.resnet.ResNet'"; "model.state_dict()" ]
      "names by the stack", made (Raw(0x8cuy :: 2uy :: [ byte 'o'; byte 's'; 0x8cuy; 1uy; byte 'x'; 0x93uy ])), [ "'os.x'" ]
      "numbers that are complex", made (weight (storage "ComplexFloat" "0" 2L)), [ "torch.ComplexFloatStorage"; "float32" ]
      "calls what is a text", made (Raw [ byte 'N'; byte ')'; byte 'R' ]), [ "calls something that is not a function" ]
      "calls with other arguments", made (Call("torch._utils._rebuild_tensor_v2", [ None' ])), [ "arguments that do not fit" ]
      "attributes of a tensor", made (Raw [ byte 'N'; byte 'N'; byte 'b' ]), [ "sets attributes" ]
      "an id of nothing", made (Outside None'), [ "not a storage of numbers" ]
      "a storage that is not there", made (weight (tensor (storage "Float" "9" 4L) 0L [ 1L ] [ 1L ])), [ "the storage '9'"; "is missing" ]
      "a storage of another size", made (weight (tensor (storage "Float" "0" 5L) 0L [ 1L ] [ 1L ])), [ "16 bytes"; "5 elements of F32" ]
      "a view beyond its storage", made (weight (tensor four 1L [ 2L; 2L ] [ 2L; 1L ])), [ "element 4 of a storage that has 4" ]
      "a negative offset", made (weight (tensor four -1L [ 1L ] [ 1L ])), [ "negative" ]
      "a negative stride", made (weight (tensor four 3L [ 2L ] [ -1L ])), [ "negative" ]
      "a huge stride", made (weight (tensor four 0L [ 3L ] [ Int64.MaxValue ])), [ "of a storage that has 4" ]
      "a huge shape", made (weight (tensor four 0L [ 1L <<< 40; 1L <<< 40 ] [ 0L; 0L ])), [ "too many elements" ]
      "one number seen 4 billion times",
      made (weight (tensor four 0L [ 1L <<< 32 ] [ 0L ])),
      [ "tensor 'w'"; "more than one array can hold" ]
      "one number seen 400 million times", made (weight (tensor four 0L [ 400_000_000L ] [ 0L ])), [ "tensor 'w'"; "times the"; "not read" ]
      "sizes without strides", made (weight (tensor four 0L [ 2L; 2L ] [ 1L ])), [ "2 sizes and 1 strides" ]
      "a dictionary in itself", made endless, [ "nested more than" ]
      "dictionaries that hold each other, a hundred to the sixth times", made laughs, [ "more than 1000000 values" ]
      "a name without end", made (Dictionary [ Text(String('x', 1001)), tensor four 0L [ 1L ] [ 1L ] ]), [ "'xxx"; "has 1001 characters" ]
      "a long name before many", made (prefixed 400_000 2_000), [ "yyy...'"; "has 400001 characters"; "1000 are allowed" ]
      "a fair name before very many", made (prefixed 900 40_000), [ "names take more than 64000000 bytes" ]
      "long names of what is no tensor", made (Dictionary [ Text(String('z', 400_000)), None' ]), [ "no tensors, only 'zzz"; "zzz...'" ]
      "no dictionary", made (List [ tensor four 0L [ 1L ] [ 1L ] ]), [ "no dictionary of tensors" ]
      "no tensors", made (Dictionary [ Text "epoch", Whole 3L ]), [ "contains no tensors, only 'epoch'" ]
      "an empty stack", made (Raw [ byte '0' ]), [ "empty stack" ]
      "no mark", made (Raw [ byte 't' ]), [ "has no mark" ]
      "nothing to recall", made (Raw [ byte 'h'; 7uy ]), [ "nothing to recall under 7" ]
      "a text longer than the pickle", made (Raw(byte 'X' :: [ 0xffuy; 0xffuy; 0xffuy; 0x7fuy ])), [ "2147483647 bytes too early" ]
      "an operation of another kind", made (Raw [ byte 'i' ]), [ "operation 0x69" ]
      "operations without end", made (Raw [ for _ in 0..1_000_001 -> byte 'N' ]), [ "goes on after 1000000 operations" ] ]

let private otherKinds: (string * string * (string -> unit) * string list) list =
    let bytes (content: byte array) path = File.WriteAllBytes(path, content)

    [ "a file of before PyTorch 1.6",
      "old.pth",
      bytes (Array.append (Convert.FromHexString "80028a0a6cfc9c46f9206aa850192e") (Array.zeroCreate 40)),
      [ "before version 1.6"; "torch.save(torch.load('old.pth'" ]
      "a tar file", "old.tar", bytes (Array.concat [ Array.zeroCreate 257; "ustar"B; Array.zeroCreate 40 ]), [ "before version 1.6" ]
      "HDF5",
      "keras.h5",
      bytes (Array.append [| 0x89uy; byte 'H'; byte 'D'; byte 'F' |] (Array.zeroCreate 40)),
      [ "HDF5"; "safetensors.torch.save_file" ]
      "a Git LFS pointer",
      "x.safetensors",
      bytes "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"B,
      [ "Git LFS pointer"; "git lfs pull" ]
      "a web page", "x.pth", bytes "\n<!DOCTYPE html><html>"B, [ "a web page, not weights" ]
      "an ONNX network", "x.onnx", bytes (Array.create 300 8uy), [ "ONNX"; ".safetensors" ]
      "text", "x.pth", bytes "hello, world: no weights"B, [ "does not begin like a zip file" ]
      "an empty file", "x.bin", bytes [||], [ "does not begin like a zip file" ]
      "a zip file of something else", "x.pt", (fun path -> archive path [ "a.txt", "a"B ]), [ "0 entries 'data.pkl'" ]
      "TorchScript",
      "x.pt",
      (fun path -> archive path [ "data.pkl", pickle None'; "constants.pkl", pickle None' ]),
      [ "TorchScript"; "state_dict" ]
      "a big-endian file", "x.pt", (fun path -> archive path [ "data.pkl", pickle None'; "byteorder", "big"B ]), [ "byte order 'big'" ]
      "a cut-off zip file", "x.pt", bytes (Array.append "PK\003\004"B (Array.zeroCreate 100)), [ "cut off, or not a PyTorch file" ] ]

let tests =
    testList
        "PyTorch refused"
        [ for name, write, words in hostile do
              test name {
                  inFolder (fun folder ->
                      let path = Path.Combine(folder, "bad.pth")
                      write path
                      rejects (path :: words) (fun () -> read path))
              }

          for name, file, write, words in otherKinds do
              test name {
                  inFolder (fun folder ->
                      let path = Path.Combine(folder, file)
                      write path
                      rejects (path :: words) (fun () -> read path))
              }

          test "zip bombs: numbers and pickles that unpack to a thousand times the file" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "bomb.pth")
                  let count = 150_000_000L
                  torchFile path (weight (tensor (storage "Byte" "0" count) 0L [ count ] [ 1L ])) [ "0", Array.zeroCreate (int count) ]
                  rejects [ path; "'archive/data/0'"; "150000000 bytes" ] (fun () -> read path)
                  archive path [ "data.pkl", Array.zeroCreate 20_000_000 ]
                  rejects [ path; "pickle has 20000000 bytes" ] (fun () -> read path))
          }

          test "many views of one storage, each of which is a copy once it is saved" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "views.pth")
                  let count = 4_000_000L
                  let whole = tensor (storage "Byte" "0" count) 0L [ count ] [ 1L ]
                  let views number = Dictionary [ for i in 1..number -> Text $"w{i}", whole ]
                  torchFile path (views 10) [ "0", Array.zeroCreate (int count) ]
                  Expect.equal (WeightFile.Read path).Arrays.Count 10 "a few are weights that are shared"
                  torchFile path (views 200) [ "0", Array.zeroCreate (int count) ]
                  Expect.isLessThan (FileInfo path).Length 40_000L "a small file"
                  rejects [ path; "tensor 'w2"; "4000000 bytes"; "not read" ] (fun () -> read path))
          }

          testCase "a file with a byte changed is read or refused, never anything else" (fun () ->
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "x.pth")
                  let whole = File.ReadAllBytes(golden "weights/torch.pth")
                  let random = Random 6

                  [ for _ in 1..300 do
                        File.WriteAllBytes(path, Array.updateAt (random.Next whole.Length) (byte (random.Next 256)) whole)
                        isRead (fun () -> read path) ]
                  |> expectReadAndRefused 10 20)) ]
