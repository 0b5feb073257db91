from dask_jobqueue import SLURMCluster

cluster = SLURMCluster(cores=8, processes=8, memory="32GB", walltime="12:00:00")
cluster.scale(jobs=20)
print(cluster.scheduler_address)
input("Enter ends the cluster")
