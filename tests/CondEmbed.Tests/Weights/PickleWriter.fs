/// Writes pickles and PyTorch archives, honest and hostile.
module CondEmbed.Tests.PickleWriter

open System
open System.IO
open System.IO.Compression
open System.Text

/// What a pickle can describe.
type Value =
    | None'
    | Flag of bool
    | Whole of int64
    | Text of string
    | Tuple of Value list
    | List of Value list
    | Dictionary of (Value * Value) list
    | Global of string
    /// A call of a global with arguments.
    | Call of string * Value list
    /// An id of something outside of the pickle.
    | Outside of Value
    /// One after another; the last is what is described.
    | Sequence of Value list
    /// Operations as they are.
    | Raw of byte list

let private ascii (text: string) = List.ofArray (Encoding.UTF8.GetBytes text)

let rec private operations value : byte list =
    let all = List.collect operations

    match value with
    | None' -> [ byte 'N' ]
    | Flag flag -> [ (if flag then 0x88uy else 0x89uy) ]
    | Whole number -> 0x8auy :: 8uy :: List.ofArray (BitConverter.GetBytes number)
    | Text text -> byte 'X' :: List.ofArray (BitConverter.GetBytes(Encoding.UTF8.GetByteCount text)) @ ascii text
    | Tuple items -> byte '(' :: all items @ [ byte 't' ]
    | List items -> byte ']' :: byte '(' :: all items @ [ byte 'e' ]
    | Dictionary pairs ->
        byte '}'
        :: byte '('
        :: all
            [ for key, value in pairs do
                  yield! [ key; value ] ]
        @ [ byte 'u' ]
    | Global name ->
        let at = name.LastIndexOf '.'
        byte 'c' :: ascii $"{name.Substring(0, at)}\n{name.Substring(at + 1)}\n"
    | Call(name, arguments) -> operations (Global name) @ operations (Tuple arguments) @ [ byte 'R' ]
    | Outside id -> operations id @ [ byte 'Q' ]
    | Sequence values -> all values
    | Raw bytes -> bytes

/// The pickle of a value, protocol 2.
let pickle value = Array.ofList (0x80uy :: 2uy :: operations value @ [ byte '.' ])

/// A storage of a given number of elements, in the entry of that key.
let storage (kind: string) key (count: int64) =
    Outside(Tuple [ Text "storage"; Global $"torch.{kind}Storage"; Text key; Text "cpu"; Whole count ])

/// A tensor that looks at a storage.
let tensor storage (offset: int64) (shape: int64 list) (strides: int64 list) =
    let sizes values = Tuple [ for value in values -> Whole value ]

    Call(
        "torch._utils._rebuild_tensor_v2",
        [ storage; Whole offset; sizes shape; sizes strides; Flag false; Call("collections.OrderedDict", []) ]
    )

/// A PyTorch archive of those entries, below the folder that names it.
let archive path (entries: (string * byte array) list) =
    use zip = new ZipArchive(File.Create path, ZipArchiveMode.Create)

    for name, bytes in entries do
        use stream = zip.CreateEntry($"archive/{name}", CompressionLevel.Optimal).Open()
        stream.Write bytes

/// A PyTorch archive of a value and of storages under their keys.
let torchFile path value (storages: (string * byte array) list) =
    archive
        path
        (("data.pkl", pickle value)
         :: ("byteorder", "little"B)
         :: [ for key, bytes in storages -> $"data/{key}", bytes ])

/// The bytes of float32 numbers.
let singles (values: float32 seq) = values |> Seq.map BitConverter.GetBytes |> Array.concat
