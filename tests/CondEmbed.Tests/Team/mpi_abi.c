/* The functions of MPI's standard binary interface that training calls, on top of an MPI that has it not yet: Open MPI, or MPICH with -DMPICH.
   The constants are transcribed from the mpi.h of the MPI Forum for MPI 5.0 (github.com/mpi-forum/mpi-abi-stubs). Anything else is refused, so a wrong constant of ours fails. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct MPI_ABI_Comm *MPI_Comm;
typedef struct MPI_ABI_Datatype *MPI_Datatype;
typedef struct MPI_ABI_Request *MPI_Request;
typedef struct { int MPI_SOURCE, MPI_TAG, MPI_ERROR, MPI_internal[5]; } MPI_Status;
#define MPI_COMM_WORLD ((MPI_Comm)0x00000101)
#define MPI_BYTE ((MPI_Datatype)0x00000247)
#define MPI_REQUEST_NULL ((MPI_Request)0x00000180)

enum { MPI_SUCCESS = 0, MPI_ERR_TYPE = 3, MPI_ERR_COMM = 5, MPI_ERR_REQUEST = 7, MPI_ERR_ARG = 13 };
enum { MPI_THREAD_SINGLE = 0, MPI_THREAD_FUNNELED = 1024, MPI_THREAD_SERIALIZED = 2048, MPI_THREAD_MULTIPLE = 4096 };

#ifdef MPICH
typedef int Comm;
typedef int Datatype;
typedef int Request;
#define WORLD 0x44000000
#define BYTES 0x4c00010d
#else
typedef void *Comm;
typedef void *Datatype;
typedef void *Request;
extern char ompi_mpi_comm_world[], ompi_mpi_byte[];
#define WORLD ((void *)ompi_mpi_comm_world)
#define BYTES ((void *)ompi_mpi_byte)
#endif

int PMPI_Init_thread(int *, char ***, int, int *);
int PMPI_Get_library_version(char *, int *);
int PMPI_Comm_rank(Comm, int *);
int PMPI_Comm_size(Comm, int *);
int PMPI_Allgather(const void *, int, Datatype, void *, int, Datatype, Comm);
int PMPI_Alltoall(const void *, int, Datatype, void *, int, Datatype, Comm);
int PMPI_Iallgather(const void *, int, Datatype, void *, int, Datatype, Comm, Request *);
int PMPI_Ialltoall(const void *, int, Datatype, void *, int, Datatype, Comm, Request *);
int PMPI_Comm_dup(Comm, Comm *);
int PMPI_Test(Request *, int *, void *);
int PMPI_Wait(Request *, void *);
int PMPI_Bcast(void *, int, Datatype, int, Comm);
int PMPI_Barrier(Comm);
int PMPI_Abort(Comm, int);
int PMPI_Finalize(void);

#define DEMAND(comm) if ((comm) != MPI_COMM_WORLD) return MPI_ERR_COMM
#define DEMAND_TYPES(a, b) if ((a) != MPI_BYTE || (b) != MPI_BYTE) return MPI_ERR_TYPE

/* Both call the levels 0, 1, 2, 3. */
static const int levels[] = { MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE };

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  for (int level = 0; level < 4; level++)
    if (levels[level] == required) {
      int code = PMPI_Init_thread(argc, argv, level, provided);
      *provided = levels[*provided];
      return code;
    }
  return MPI_ERR_ARG;
}

int MPI_Get_library_version(char *version, int *length) { return PMPI_Get_library_version(version, length); }

int MPI_Comm_rank(MPI_Comm comm, int *rank) { DEMAND(comm); return PMPI_Comm_rank(WORLD, rank); }

int MPI_Comm_size(MPI_Comm comm, int *size) { DEMAND(comm); return PMPI_Comm_size(WORLD, size); }

int MPI_Allgather(const void *sent, int count, MPI_Datatype type, void *all, int counts, MPI_Datatype types, MPI_Comm comm) {
  DEMAND(comm);
  DEMAND_TYPES(type, types);
  return PMPI_Allgather(sent, count, BYTES, all, counts, BYTES, WORLD);
}

int MPI_Alltoall(const void *sent, int count, MPI_Datatype type, void *all, int counts, MPI_Datatype types, MPI_Comm comm) {
  DEMAND(comm);
  DEMAND_TYPES(type, types);
  return PMPI_Alltoall(sent, count, BYTES, all, counts, BYTES, WORLD);
}

int MPI_Bcast(void *all, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  DEMAND(comm);
  DEMAND_TYPES(type, type);
  return PMPI_Bcast(all, count, BYTES, root, WORLD);
}

int MPI_Barrier(MPI_Comm comm) { DEMAND(comm); return PMPI_Barrier(WORLD); }

int MPI_Abort(MPI_Comm comm, int code) { DEMAND(comm); return PMPI_Abort(WORLD, code); }

int MPI_Finalize(void) { return PMPI_Finalize(); }

/* What was made lies behind pointers of its own: a number of the MPI below would be refused. */
struct MPI_ABI_Comm { Comm below; };
struct MPI_ABI_Request { Request below; };
static struct MPI_ABI_Comm made[8];
static int count;

static int is_made(MPI_Comm comm) {
  for (int i = 0; i < count; i++)
    if (comm == &made[i]) return 1;
  return 0;
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *copy) {
  DEMAND(comm);
  if (count == 8) return MPI_ERR_COMM;
  int code = PMPI_Comm_dup(WORLD, &made[count].below);
  *copy = &made[count++];
  return code;
}

static MPI_Request request_of(Request below) {
  MPI_Request request = malloc(sizeof *request);
  request->below = below;
  return request;
}

#define BEGINS(name)                                                                                                                        \
  int MPI_##name(const void *sent, int count, MPI_Datatype type, void *all, int counts, MPI_Datatype types, MPI_Comm comm, MPI_Request *request) { \
    if (!is_made(comm)) return MPI_ERR_COMM;                                                                                                \
    DEMAND_TYPES(type, types);                                                                                                              \
    Request below;                                                                                                                          \
    int code = PMPI_##name(sent, count, BYTES, all, counts, BYTES, comm->below, &below);                                                    \
    *request = request_of(below);                                                                                                           \
    return code;                                                                                                                            \
  }

BEGINS(Iallgather)
BEGINS(Ialltoall)

/* Fills all of the status, as it is laid out here. */
static int end(int code, int done, MPI_Request *request, MPI_Status *status) {
  if (done) {
    free(*request);
    *request = MPI_REQUEST_NULL;
    memset(status, 0, sizeof *status);
  }
  return code;
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status) {
  if (*request == MPI_REQUEST_NULL) return MPI_ERR_REQUEST;
  char below[64];
  int code = PMPI_Test(&(*request)->below, done, below);
  return end(code, *done, request, status);
}

int MPI_Wait(MPI_Request *request, MPI_Status *status) {
  if (*request == MPI_REQUEST_NULL) return MPI_ERR_REQUEST;
  char below[64];
  return end(PMPI_Wait(&(*request)->below, below), 1, request, status);
}
