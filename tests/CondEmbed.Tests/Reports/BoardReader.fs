/// A reader of TensorBoard's event files that shares nothing with the writer: its own checksum, its own protocol buffers.
module CondEmbed.Tests.BoardReader

open System
open System.IO
open System.Text
open Expecto
open CondEmbed.Health

/// CRC-32C bit by bit: reflected polynomial 0x82F63B78.
let private crc32c (bytes: byte array) =
    let step crc _ = if crc &&& 1u = 1u then (crc >>> 1) ^^^ 0x82F63B78u else crc >>> 1

    ~~~(bytes |> Array.fold (fun crc one -> List.fold step (crc ^^^ uint32 one) [ 1..8 ]) UInt32.MaxValue)

let private unmasked (masked: uint32) =
    let turned = masked - 0xA282EAD8u
    (turned >>> 17) ||| (turned <<< 15)

/// The records of a file; the test fails where a checksum does not hold.
let private records (file: string) =
    use stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
    use reader = new BinaryReader(stream)

    [ while stream.Position < stream.Length do
          let length = reader.ReadBytes 8
          Expect.equal (crc32c length) (unmasked (reader.ReadUInt32())) "checksum of a length"
          let data = reader.ReadBytes(int (BitConverter.ToInt64 length))
          Expect.equal (crc32c data) (unmasked (reader.ReadUInt32())) "checksum of a record"
          data ]

type private Field =
    | Varint of uint64
    | Bytes of byte array

let private fields (message: byte array) =
    let mutable at = 0

    let varint () =
        let mutable value, shift, more = 0UL, 0, true

        while more do
            value <- value ||| (uint64 (message[at] &&& 0x7Fuy) <<< shift)
            more <- message[at] >= 0x80uy
            shift <- shift + 7
            at <- at + 1

        value

    let take count =
        at <- at + count
        Bytes message[at - count .. at - 1]

    [ while at < message.Length do
          let tag = int (varint ())

          tag >>> 3,
          match tag &&& 7 with
          | 0 -> Varint(varint ())
          | 1 -> take 8
          | 2 -> take (int (varint ()))
          | 5 -> take 4
          | other -> failtest $"wire type {other}" ]

let private all number message =
    [ for field, value in fields message do
          match value with
          | Bytes bytes when field = number -> bytes
          | _ -> () ]

let private text bytes = Encoding.UTF8.GetString(bytes: byte array)

let private stepOf message =
    fields message
    |> List.tryPick (function
        | 2, Varint step -> Some(int step)
        | _ -> None)
    |> Option.defaultValue 0

/// What an event file says.
type Board =
    {
        Versions: string list
        /// Tag, step, value.
        Scalars: (string * int * float32) list
        /// Tag and text.
        Texts: (string * string) list
    }

let read file =
    let messages = records file

    let values =
        [ for message in messages do
              for summary in all 5 message do
                  for value in all 1 summary do
                      let tag = text (all 1 value).Head
                      tag, stepOf message, value ]

    { Versions =
        [ for message in messages do
              yield! all 3 message |> List.map text ]
      Scalars =
        [ for tag, step, value in values do
              for number in all 2 value do
                  tag, step, BitConverter.ToSingle number ]
      Texts =
        [ for tag, _, value in values do
              for tensor in all 8 value do
                  for words in all 8 tensor do
                      tag, text words ] }
