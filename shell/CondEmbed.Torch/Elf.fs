/// Just enough of the ELF format (64-bit, little-endian; "Tool Interface Standard ELF 1.2" and the "Linux Standard Base" chapter on
/// symbol versions) to see which symbol versions a shared library needs, and to make one of these needs weak. Pure: bytes in, bytes out.
module internal CondEmbed.Torch.Elf

open System
open System.Buffers.Binary
open System.IO
open System.Text

/// One row of the section table.
type Section = { Type: uint32; Link: int; Info: int; Offset: int; Size: int }

/// One version that a library needs of another: `Index` is how its symbols refer to it, `FlagsOffset` where its flags are in the file.
type VersionNeed = { Library: string; Version: string; Index: uint16; Flags: uint16; FlagsOffset: int }

[<Literal>]
let private Relocations = 4u

[<Literal>]
let private DynamicSymbols = 11u

[<Literal>]
let private VersionNeeds = 0x6ffffffeu

[<Literal>]
let private SymbolVersions = 0x6fffffffu

/// VER_FLG_WEAK: if such a version is missing, the dynamic linker only warns, and only in verbose mode.
[<Literal>]
let private WeakFlag = 2us

let private damaged what = raise (InvalidDataException $"not a whole ELF library: {what}")

let private slice (file: byte[]) offset length =
    if offset < 0 || length < 0 || offset > file.Length - length then
        damaged $"bytes {offset} to {int64 offset + int64 length} lie outside its {file.Length} bytes"

    ReadOnlySpan(file, offset, length)

let private u16 file offset = BinaryPrimitives.ReadUInt16LittleEndian(slice file offset 2)

let private u32 file offset = BinaryPrimitives.ReadUInt32LittleEndian(slice file offset 4)

/// A 32-bit field that is an offset or a size within the file.
let private int32At file offset =
    match u32 file offset with
    | value when value <= uint32 Int32.MaxValue -> int value
    | value -> damaged $"{value} at byte {offset} is beyond 2 GB"

/// A 64-bit field that is an offset or a size within the file.
let private int64At file offset =
    match BinaryPrimitives.ReadUInt64LittleEndian(slice file offset 8) with
    | value when value <= uint64 Int32.MaxValue -> int value
    | value -> damaged $"{value} at byte {offset} is beyond 2 GB"

/// The section table. InvalidDataException if the file is not a 64-bit little-endian ELF file, or is truncated.
let sections (file: byte[]) =
    let magic = [| 0x7fuy; byte 'E'; byte 'L'; byte 'F'; 2uy; 1uy |]

    if file.Length < 64 || not (ReadOnlySpan(file, 0, 6).SequenceEqual(ReadOnlySpan magic)) then
        damaged "it does not begin like a 64-bit little-endian ELF file"

    let table, size, count = int64At file 0x28, int (u16 file 0x3a), int (u16 file 0x3c)

    if count > 0 && size < 64 then damaged $"a row of its section table has {size} bytes, not 64"

    [ for i in 0 .. count - 1 do
          let row = table + i * size
          let kind = u32 file (row + 4)

          { Type = kind
            Link = int32At file (row + 0x28)
            Info = int32At file (row + 0x2c)
            Offset = int64At file (row + 0x18)
            Size = int64At file (row + 0x20) } ]

let private ofType kind sections = sections |> List.filter (fun section -> section.Type = kind)

let private linked (sections: Section list) section =
    match List.tryItem section.Link sections with
    | Some it -> it
    | None -> damaged $"a section refers to section {section.Link} of {sections.Length}"

let private text file (strings: Section) offset =
    let all = slice file strings.Offset strings.Size

    if offset < 0 || offset >= all.Length then damaged $"a name lies {offset} bytes into a string table of {all.Length}"

    let tail = all.Slice offset

    match tail.IndexOf 0uy with
    | -1 -> damaged "a string table does not end with a zero"
    | length -> Encoding.UTF8.GetString(tail.Slice(0, length))

/// The offsets of `count` records, each of which says at `nextField` how far away the next one is.
let private chain file first nextField count =
    (first, count)
    |> List.unfold (fun (offset, left) ->
        if left = 0 then
            None
        else
            match int32At file (offset + nextField) with
            | 0 when left > 1 -> damaged $"a chain of versions ends {left - 1} records early"
            | step -> Some(offset, (offset + step, left - 1)))

/// Every version that the library needs of others (`.gnu.version_r`), in file order.
let versionNeeds file =
    let all = sections file

    [ for section in ofType VersionNeeds all do
          let strings = linked all section

          for need in chain file section.Offset 12 section.Info do
              let library = text file strings (int32At file (need + 4))

              for version in chain file (need + int32At file (need + 8)) 12 (int (u16 file (need + 2))) do
                  { Library = library
                    Version = text file strings (int32At file (version + 8))
                    Index = u16 file (version + 6)
                    Flags = u16 file (version + 4)
                    FlagsOffset = version + 4 } ]

/// The dynamic symbols that are bound to the version of the given index (`.gnu.version` beside `.dynsym`), as (number, name).
let symbolsOf (index: uint16) file =
    let all = sections file

    [ for versions in ofType SymbolVersions all do
          let symbols = linked all versions
          let strings = linked all symbols

          for i in 0 .. versions.Size / 2 - 1 do
              // The highest bit only hides a symbol from linking without a version.
              if u16 file (versions.Offset + 2 * i) &&& 0x7fffus = index then
                  i, text file strings (int32At file (symbols.Offset + 24 * i)) ]

/// Whether anything in the library (a call, a pointer) is to be filled in with the address of the dynamic symbol of that number.
let isUsed (symbol: int) file =
    let all = sections file

    ofType Relocations all
    |> List.filter (fun section -> (linked all section).Type = DynamicSymbols)
    |> List.exists (fun section ->
        Seq.exists (fun i -> u32 file (section.Offset + 24 * i + 12) = uint32 symbol) (seq { 0 .. section.Size / 24 - 1 }))

/// A copy of the library in which one needed version is weak, so that the library loads where that version is missing. Refused, with the
/// reason, unless the version is needed exactly once, only `symbol` is bound to it, and nothing uses that symbol.
let weaken library version symbol file : Result<byte[], string> =
    try
        match versionNeeds file |> List.filter (fun need -> need.Version = version) with
        | [ need ] when need.Library = library ->
            match symbolsOf need.Index file with
            | [ number, name ] when name = symbol && not (isUsed number file) ->
                let copy = Array.copy file
                BinaryPrimitives.WriteUInt16LittleEndian(Span(copy, need.FlagsOffset, 2), need.Flags ||| WeakFlag)
                Ok copy
            | [ _, name ] when name = symbol -> Error $"it calls {symbol}, which only {version} of {library} has"
            | others ->
                let names = others |> List.map snd |> String.concat ", "
                Error $"version {version} was to be needed for {symbol} alone, but these symbols need it: {names}"
        | needs -> Error $"it was to need version {version} of {library} once, but needs it {needs.Length} times"
    with :? InvalidDataException as problem ->
        Error problem.Message
