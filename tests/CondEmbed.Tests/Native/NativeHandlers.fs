/// Which functions of a shared library catch C++ exceptions: read from its .eh_frame and .gcc_except_table ("Linux Standard Base Core", chapter 10, and
/// "Itanium C++ ABI: Exception Handling", section 7). An exception that a function called from .NET does not catch ends the process.
module CondEmbed.Tests.NativeHandlers

open System
open System.Collections.Generic
open System.Text

type private Section = { Name: string; Address: int64; Offset: int; Size: int }

let private sections (file: byte array) =
    let at = int (BitConverter.ToInt64(file, 0x28))

    let size, count, names =
        [ 0x3a; 0x3c; 0x3e ]
        |> List.map (fun p -> int (BitConverter.ToUInt16(file, p)))
        |> fun l -> l[0], l[1], l[2]

    let row i = at + i * size
    let names = int (BitConverter.ToInt64(file, row names + 0x18))
    let text from = Encoding.ASCII.GetString(file, from, Array.IndexOf(file, 0uy, from) - from)

    [ for i in 0 .. count - 1 do
          { Name = text (names + BitConverter.ToInt32(file, row i))
            Address = BitConverter.ToInt64(file, row i + 0x10)
            Offset = int (BitConverter.ToInt64(file, row i + 0x18))
            Size = int (BitConverter.ToInt64(file, row i + 0x20)) } ]

/// A place in the file that moves as it is read.
type private Reader(file: byte array, start: int) =
    member val At = start with get, set

    member this.Byte() =
        this.At <- this.At + 1
        file[this.At - 1]

    member this.Take(length: int) =
        this.At <- this.At + length
        ReadOnlySpan(file, this.At - length, length)

    /// LEB128, with the sign or without.
    member this.Leb(signed: bool) =
        let mutable value, shift, last = 0L, 0, 0x80uy

        while last &&& 0x80uy <> 0uy do
            last <- this.Byte()
            value <- value ||| (int64 (last &&& 0x7fuy) <<< shift)
            shift <- shift + 7

        if signed && last &&& 0x40uy <> 0uy then value - (1L <<< shift) else value

    /// A number as DWARF's pointer encodings write it, without what it is relative to.
    member this.Number(encoding: byte) =
        match encoding &&& 0x0fuy with
        | 0x01uy -> this.Leb false
        | 0x03uy -> int64 (BitConverter.ToUInt32(this.Take 4))
        | 0x0buy -> int64 (BitConverter.ToInt32(this.Take 4))
        | 0x00uy
        | 0x04uy
        | 0x0cuy -> BitConverter.ToInt64(this.Take 8)
        | other -> invalidOp $"pointer encoding {other}"

[<Literal>]
let private Omitted = 0xffuy

/// Whether a call site of a function's table of exceptions has a handler: not only clean-up.
let private hasHandler file offset =
    let table = Reader(file, offset)
    let start = table.Byte()
    if start <> Omitted then table.Number start |> ignore
    if table.Byte() <> Omitted then table.Leb false |> ignore
    let encoding = table.Byte()
    let length = table.Leb false
    let actions = table.At + int length

    let rec handles action =
        let row = Reader(file, action)
        let filter = row.Leb true
        let link = row.At
        let next = row.Leb true
        filter > 0L || (next <> 0L && handles (link + int next))

    let mutable found = false

    while table.At < actions do
        for _ in 1..3 do
            table.Number encoding |> ignore

        let action = int (table.Leb false)
        found <- found || (action > 0 && handles (actions + action - 1))

    found

/// The addresses of functions that have a handler.
let private handled (file: byte array) (sections: Section list) =
    let frames = sections |> List.find (fun s -> s.Name = ".eh_frame")
    let addressOf offset = frames.Address + int64 (offset - frames.Offset)

    let offsetOf address =
        let s =
            sections
            |> List.find (fun s -> s.Address > 0L && address >= s.Address && address < s.Address + int64 s.Size)

        s.Offset + int (address - s.Address)

    let relative (reader: Reader) encoding =
        let from = addressOf reader.At
        let value = reader.Number encoding
        if value <> 0L && encoding &&& 0x70uy = 0x10uy then value + from else value

    /// Encodings of a common entry: of tables of exceptions, of addresses.
    let common offset =
        let reader = Reader(file, offset + 9)
        let mutable letters = []

        while file[reader.At] <> 0uy do
            letters <- char (reader.Byte()) :: letters

        reader.Byte() |> ignore
        reader.Leb false |> ignore
        reader.Leb true |> ignore
        reader.Leb false |> ignore
        let mutable tables, addresses = Omitted, 0uy

        if List.contains 'z' letters then
            reader.Leb false |> ignore

            for letter in List.rev letters do
                match letter with
                | 'L' -> tables <- reader.Byte()
                | 'R' -> addresses <- reader.Byte()
                | 'P' -> reader.Number(reader.Byte()) |> ignore
                | _ -> ()

        tables, addresses

    let known = Dictionary<int, byte * byte>()
    let found = HashSet<int64>()
    let reader = Reader(file, frames.Offset)
    let mutable length = BitConverter.ToInt32(file, reader.At)

    while length <> 0 && reader.At < frames.Offset + frames.Size do
        let here = reader.At + 4
        let back = BitConverter.ToInt32(file, here)

        if back <> 0 then
            let entry = here - back
            if not (known.ContainsKey entry) then known[entry] <- common entry
            let tables, addresses = known[entry]
            let row = Reader(file, here + 4)
            let start = relative row addresses
            row.Number addresses |> ignore
            row.Leb false |> ignore

            if tables <> Omitted then
                let table = relative row tables
                if table <> 0L && hasHandler file (offsetOf table) then found.Add start |> ignore

        reader.At <- here + length
        if reader.At < frames.Offset + frames.Size then length <- BitConverter.ToInt32(file, reader.At)

    found

/// The functions that a library exports, and whether each catches what is thrown below it.
let exports (file: byte array) =
    let sections = sections file
    let named name = sections |> List.find (fun s -> s.Name = name)
    let symbols, names = named ".dynsym", named ".dynstr"
    let handled = handled file sections

    [ for row in symbols.Offset .. 24 .. symbols.Offset + symbols.Size - 24 do
          let address = BitConverter.ToInt64(file, row + 8)

          if file[row + 4] &&& 0xfuy = 2uy && address <> 0L then
              let from = names.Offset + BitConverter.ToInt32(file, row)
              Encoding.ASCII.GetString(file, from, Array.IndexOf(file, 0uy, from) - from), handled.Contains address ]
