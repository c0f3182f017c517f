/// Writes MAT-files of level 5, plainly and after their description, for the tests of the reader and of the sets that have some.
module CondEmbed.Tests.MatSupport

open System
open System.IO
open System.IO.Compression
open System.Text

/// A value; numbers and text with the number of the type that their data is stored in.
type Mat =
    | Number of dimensions: int list * kind: int * stored: int * values: float list
    | Letters of text: string * stored: int
    | Cell of Mat list
    | Struct of fields: string list * elements: Mat list list
    | Nothing

type Form = { BigEndian: bool; Compressed: bool; Small: bool }

let plain = { BigEndian = false; Compressed = false; Small = true }

let private ordered form (bytes: byte array) = if form.BigEndian then Array.rev bytes else bytes

let private int32Bytes form (value: int) = ordered form (BitConverter.GetBytes value)

/// Type, length and data; four bytes or fewer may stand in the tag itself.
let element form (kind: int) (data: byte array) =
    let filled length = Array.append data (Array.zeroCreate (length - data.Length))

    if form.Small && data.Length > 0 && data.Length <= 4 then
        Array.append (int32Bytes form (data.Length <<< 16 ||| kind)) (filled 4)
    else
        Array.concat [ int32Bytes form kind; int32Bytes form data.Length; filled ((data.Length + 7) / 8 * 8) ]

let private numberBytes form stored (value: float) =
    match stored with
    | 1 -> [| byte (sbyte value) |]
    | 2 -> [| byte value |]
    | 3 -> ordered form (BitConverter.GetBytes(int16 value))
    | 4 -> ordered form (BitConverter.GetBytes(uint16 value))
    | 5 -> ordered form (BitConverter.GetBytes(int32 value))
    | 6 -> ordered form (BitConverter.GetBytes(uint32 value))
    | 7 -> ordered form (BitConverter.GetBytes(float32 value))
    | 12 -> ordered form (BitConverter.GetBytes(int64 value))
    | 13 -> ordered form (BitConverter.GetBytes(uint64 value))
    | _ -> ordered form (BitConverter.GetBytes value)

let private letterBytes form stored (text: string) =
    match stored with
    | 16 -> Encoding.UTF8.GetBytes text
    | 1
    | 2 -> Encoding.Latin1.GetBytes text
    | _ -> (if form.BigEndian then Encoding.BigEndianUnicode else Encoding.Unicode).GetBytes text

/// The elements of a matrix: flags, dimensions, name, and what is said of its class.
let head form kind (dimensions: int list) (name: string) =
    Array.concat
        [ element form 6 (Array.append (int32Bytes form kind) (int32Bytes form 0))
          element form 5 (dimensions |> List.map (int32Bytes form) |> Array.concat)
          element form 1 (Encoding.ASCII.GetBytes name) ]

let rec matrix form name value =
    let all (values: Mat list) = values |> List.map (matrix form "") |> Array.concat

    let data =
        match value with
        | Nothing -> [||]
        | Number(dimensions, kind, stored, values) ->
            Array.append
                (head form kind dimensions name)
                (element form stored (values |> List.map (numberBytes form stored) |> Array.concat))
        | Letters(text, stored) -> Array.append (head form 4 [ 1; text.Length ] name) (element form stored (letterBytes form stored text))
        | Cell values -> Array.append (head form 1 [ 1; values.Length ] name) (all values)
        | Struct(fields, elements) ->
            let padded (field: string) = Encoding.ASCII.GetBytes(field.PadRight(32, '\000'))

            Array.concat
                [ head form 2 [ 1; elements.Length ] name
                  element form 5 (int32Bytes form 32)
                  element form 1 (fields |> List.map padded |> Array.concat)
                  all (List.concat elements) ]

    element { form with Small = false } 14 data

let packed (data: byte array) =
    use target = new MemoryStream()

    (use zip = new ZLibStream(target, CompressionLevel.Fastest)
     zip.Write(data, 0, data.Length))

    target.ToArray()

/// A file of elements, each of which is compressed on its own if so wanted.
let fileOf form (elements: byte array list) =
    let header = Array.create 124 (byte ' ')
    Encoding.ASCII.GetBytes("MATLAB 5.0 MAT-file, made by a test").CopyTo(header, 0)
    let ending = if form.BigEndian then [| 1uy; 0uy; byte 'M'; byte 'I' |] else [| 0uy; 1uy; byte 'I'; byte 'M' |]

    let written data =
        if form.Compressed then
            let data = packed data
            Array.concat [ int32Bytes form 15; int32Bytes form data.Length; data ]
        else
            data

    Array.concat (header :: ending :: List.map written elements)

let file form (variables: (string * Mat) list) = fileOf form [ for name, value in variables -> matrix form name value ]

let number value = Number([ 1; 1 ], 6, 4, [ float value ])

let text value = Letters(value, 16)
