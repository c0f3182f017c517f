/// What a process knows of those that were started with it.
module CondEmbed.Tests.LauncherTests

open Expecto
open CondEmbed.Common
open CondEmbed.Torch

let private find variables =
    let known = Map variables
    Launcher.Find(fun name -> Map.tryFind name known |> Option.toObj) |> Option.ofObj

let private cases =
    [ "mpirun of Open MPI",
      [ "OMPI_COMM_WORLD_RANK", "3"; "OMPI_COMM_WORLD_SIZE", "8"; "OMPI_COMM_WORLD_LOCAL_RANK", "1" ],
      Some(Launcher("Open MPI", 3, 8, 1))
      "mpirun of MPICH", [ "PMI_RANK", "1"; "PMI_SIZE", "2"; "MPI_LOCALRANKID", "1" ], Some(Launcher("MPICH", 1, 2, 1))
      "srun", [ "SLURM_PROCID", "5"; "SLURM_STEP_NUM_TASKS", "6"; "SLURM_LOCALID", "2" ], Some(Launcher("Slurm", 5, 6, 2))
      "mpirun within a Slurm job",
      [ "SLURM_PROCID", "0"
        "SLURM_STEP_NUM_TASKS", "1"
        "SLURM_LOCALID", "0"
        "OMPI_COMM_WORLD_RANK", "1"
        "OMPI_COMM_WORLD_SIZE", "4"
        "OMPI_COMM_WORLD_LOCAL_RANK", "1" ],
      Some(Launcher("Open MPI", 1, 4, 1))
      "a batch script, which is no step", [ "SLURM_PROCID", "0"; "SLURM_NTASKS", "4"; "SLURM_LOCALID", "0" ], None
      "torchrun", [ "RANK", "1"; "WORLD_SIZE", "2"; "LOCAL_RANK", "1" ], Some(Launcher("torchrun", 1, 2, 1))
      "no local rank", [ "PMI_RANK", "1"; "PMI_SIZE", "2" ], Some(Launcher("MPICH", 1, 2, 0))
      "nothing", [], None
      "numbers that cannot be", [ "RANK", "2"; "WORLD_SIZE", "2" ], None
      "words", [ "RANK", "first"; "WORLD_SIZE", "2" ], None ]

let tests =
    testList
        "Launcher"
        [ for name, variables, expected in cases do
              test name { Expect.equal (find variables) expected "launcher" }

          test "each process of a machine takes a GPU of its own, if there are enough" {
              let cards = [| "cuda:0"; "cuda:1" |]
              Expect.equal [ for rank in 0..2 -> Device.ofProcess cards rank ] [ Some "cuda:0"; Some "cuda:1"; Some "cuda:0" ] "of two"
              Expect.equal (Device.ofProcess [||] 1) None "of none"
          } ]
