/// Folders and files that no other user can change, for code that is loaded from a cache.
module internal CondEmbed.Torch.OwnFiles

open System
open System.Buffers.Binary
open System.IO
open System.Runtime.InteropServices

/// Linux's statx(2). Its result has the same layout on every processor.
[<DllImport("libc", EntryPoint = "statx")>]
extern int private fileStatus(int folder, string path, int flags, uint32 wanted, byte[] found)

[<DllImport("libc", EntryPoint = "geteuid")>]
extern uint32 private effectiveUser()

[<Literal>]
let private CurrentFolder = -100 // AT_FDCWD

[<Literal>]
let private NoFollow = 0x100 // AT_SYMLINK_NOFOLLOW

[<Literal>]
let private TypeModeOwner = 0xbu // STATX_TYPE | STATX_MODE | STATX_UID

type private Kind =
    | Folder = 0o040000
    | File = 0o100000

/// Whether this user owns what is at the path, and it is of that kind and not a link to one.
let private isOwn kind path =
    let found = Array.zeroCreate 256
    let owner () = BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(found, 20, 4))
    let mode () = int (BinaryPrimitives.ReadUInt16LittleEndian(ReadOnlySpan(found, 28, 2)))

    fileStatus (CurrentFolder, path, NoFollow, TypeModeOwner, found) = 0
    && owner () = effectiveUser ()
    && mode () &&& 0o170000 = int kind

/// Whether the path is a file that this user owns, and not a link. Elsewhere than on Linux, whether it is a file.
let isOwnFile (path: string) = if OperatingSystem.IsLinux() then isOwn Kind.File path else File.Exists path

/// Makes a folder that only this user can write to: creates it, or takes that right from others. IOException if it is a link, or another user's.
let claim (folder: string) =
    if OperatingSystem.IsLinux() then
        let others = UnixFileMode.GroupWrite ||| UnixFileMode.OtherWrite

        if not (Directory.Exists folder) then
            Directory.CreateDirectory(folder, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute)
            |> ignore

        if not (isOwn Kind.Folder folder) then
            raise (IOException $"{folder} is a link or belongs to another user, who could change what is loaded from it")

        let mode = File.GetUnixFileMode folder
        if mode &&& others <> UnixFileMode.None then File.SetUnixFileMode(folder, mode &&& ~~~others)
    else
        Directory.CreateDirectory folder |> ignore
